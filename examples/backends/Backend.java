// A backend for unfollow-webhook, with Java 17: README.md says how to run it, and docs/backend.md why it is so.

import static java.nio.charset.StandardCharsets.UTF_8;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.security.MessageDigest;
import java.sql.DriverManager;
import java.util.*;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class Backend {
    interface Signer { String sign(String secret) throws Exception; }
    /** Whether a signature is of the last five minutes, and made with the setting of this name or with the previous one. */
    static boolean isSigned(String name, String signatures, String seconds, Signer signer) throws Exception {
        var isSigned = false;
        for (var secret : new String[] {System.getenv(name), System.getenv(name + "_PREVIOUS")}) {
            if (secret == null || secret.isEmpty()) continue;
            var expected = signer.sign(secret).getBytes(UTF_8);
            for (var it : signatures.split(" ")) isSigned |= MessageDigest.isEqual(it.getBytes(UTF_8), expected);
        }
        return isSigned && Math.abs(System.currentTimeMillis() / 1000 - Long.parseLong(seconds)) <= 300;
    }

    static String parameter(String query, String name) { return ("&" + query).replaceFirst(".*&" + name + "=([^&]*).*", "$1"); }

    public static void main(String[] arguments) throws Exception {
        var database = DriverManager.getConnection("jdbc:sqlite:" + System.getenv("DATABASE"));
        database.createStatement().execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
        var store = database.prepareStatement("INSERT INTO events (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING");
        var server = HttpServer.create(new InetSocketAddress(Integer.parseInt(System.getenv("PORT"))), 0);
        server.createContext("/hook", call -> {
            int status;
            try {
                var body = call.getRequestBody().readAllBytes(); // Raw: JSON that was written anew has another signature.
                var headers = call.getRequestHeaders();
                String id = headers.getFirst("webhook-id"), at = headers.getFirst("webhook-timestamp");
                String query = call.getRequestURI().getRawQuery(), sent = parameter(query, "RequestTime");
                var isOurs = id != null ? isSigned("ORIGIN_SECRET", "" + headers.getFirst("webhook-signature"), at, secret -> {
                    var mac = Mac.getInstance("HmacSHA256");
                    mac.init(new SecretKeySpec(Base64.getDecoder().decode(secret.replaceFirst("whsec_", "")), "HmacSHA256"));
                    mac.update((id + "." + at + ".").getBytes(UTF_8));
                    return "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
                }) : isSigned("CALLBACK_TOKEN", parameter(query, "Sign"), sent, token -> HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest((token + sent).getBytes(UTF_8))));
                status = isOurs ? 200 : 401;
                if (isOurs && id != null) {
                    store.setString(1, id);
                    store.setString(2, new String(body, UTF_8));
                    store.executeUpdate();
                } // Otherwise your own handling; its body is not proved. To a command "before" something, OK says: go on.
            } catch (Exception error) { status = 500; } // The delivery comes again.
            var answer = "{\"ActionStatus\":\"%s\",\"ErrorCode\":%d,\"ErrorInfo\":\"\"}"
                .formatted(status == 200 ? "OK" : "FAIL", status == 200 ? 0 : status).getBytes(UTF_8);
            call.sendResponseHeaders(status, answer.length);
            try (var out = call.getResponseBody()) { out.write(answer); }
        });
        server.start();
    }
}
