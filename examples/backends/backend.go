// A backend for unfollow-webhook, with Go: README.md says how to run it, and docs/backend.md why it is so.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"fmt"
	_ "github.com/mattn/go-sqlite3"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Whether a signature is of the last five minutes, and made with the setting of this name or with the previous one.
func isSigned(name, signatures, seconds string, sign func(secret string) string) (signed bool) {
	for _, secret := range []string{os.Getenv(name), os.Getenv(name + "_PREVIOUS")} {
		for _, signature := range strings.Fields(signatures) {
			signed = signed || secret != "" && hmac.Equal([]byte(signature), []byte(sign(secret)))
		}
	}
	since1970, err := time.ParseDuration(seconds + "s")
	return signed && err == nil && (time.Since(time.Unix(0, 0))-since1970).Abs() <= 5*time.Minute
}

func main() {
	if os.Getenv("ORIGIN_SECRET") == "" || os.Getenv("CALLBACK_TOKEN") == "" {
		panic("ORIGIN_SECRET and CALLBACK_TOKEN have to be set")
	}
	database, _ := sql.Open("sqlite3", os.Getenv("DATABASE"))
	database.Exec("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)") // A failure is seen below.
	panic(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, at, sent := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.URL.Query().Get("RequestTime")
		body, _ := io.ReadAll(r.Body) // The raw bytes: JSON that was parsed and written again has another signature.
		isOurs := id != "" && isSigned("ORIGIN_SECRET", r.Header.Get("webhook-signature"), at, func(secret string) string {
			key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
			if err != nil || len(key) == 0 {
				return ""
			}
			mac := hmac.New(sha256.New, key)
			fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
			return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		}) || id == "" && isSigned("CALLBACK_TOKEN", r.URL.Query().Get("Sign"), sent, func(token string) string {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(token+sent))) // Nothing of the body is proved.
		})
		status, answer := 200, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`
		if w.Header().Set("Content-Type", "application/json"); !isOurs {
			status, answer = 401, `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"wrong signature"}`
		} else if id != "" { // Otherwise your own handling. To a command "before" something, OK says: go on.
			if _, err := database.Exec("INSERT OR IGNORE INTO events VALUES (?, ?)", id, string(body)); err != nil {
				status, answer = 500, `{"ActionStatus":"FAIL","ErrorCode":2,"ErrorInfo":"not stored"}` // It comes again.
			}
		}
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
	})))
}
