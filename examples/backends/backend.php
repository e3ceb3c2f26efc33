<?php
// A backend for unfollow-webhook, with PHP 8: README.md says how to run it, and docs/backend.md why it is so.

/** The values of a setting and of the previous one, which is accepted during a change. */
function settings(string $name): array
{
    getenv($name) ?: throw new Exception("$name has to be set");
    return array_filter([getenv($name), getenv("{$name}_PREVIOUS")]);
}

function isFresh(string $seconds): bool
{
    return ctype_digit($seconds) && abs(time() - (int) $seconds) <= 300;
}

/** Whether a secret of ours has signed these bytes within the last five minutes. */
function isDelivery(string $body): bool
{
    $time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    $isSigned = false;
    foreach (settings('ORIGIN_SECRET') as $secret) {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true) ?: throw new Exception('invalid ORIGIN_SECRET');
        $mac = base64_encode(hash_hmac('sha256', "{$_SERVER['HTTP_WEBHOOK_ID']}.$time.$body", $key, true));
        foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $signature) {
            $isSigned = hash_equals("v1,$mac", $signature) || $isSigned;
        }
    }
    return $isSigned && isFresh($time);
}

/** Whether who made the call knew the callback token within the last five minutes. The body is not proved. */
function isTencents(mixed $sign, mixed $time): bool
{
    $isSigned = false;
    foreach (settings('CALLBACK_TOKEN') as $token) {
        $isSigned = is_string($sign) && is_string($time) && hash_equals(hash('sha256', $token . $time), $sign) || $isSigned;
    }
    return $isSigned && isFresh($time);
}

// What throws is answered with 500, and a delivery comes again.
ini_set('display_errors', '0');
header('content-type: application/json');
// The raw bytes: JSON that was parsed and written again has another signature.
$body = file_get_contents('php://input');
$isDelivery = isset($_SERVER['HTTP_WEBHOOK_ID']);
if (!($isDelivery ? isDelivery($body) : isTencents($_GET['Sign'] ?? null, $_GET['RequestTime'] ?? null))) {
    http_response_code(401);
    exit('{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"wrong signature"}');
}
if ($isDelivery) {
    $database = new PDO('sqlite:' . (getenv('DATABASE') ?: 'events.db'));
    $database->exec('CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, body TEXT NOT NULL)');
    $store = $database->prepare('INSERT INTO events (id, body) VALUES (?, ?) ON CONFLICT (id) DO NOTHING');
    $store->execute([$_SERVER['HTTP_WEBHOOK_ID'], $body]);
} // Otherwise your own handling of $_GET['CallbackCommand']. To a command "before" something, OK says: go on.
echo '{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}';
