<?php
// Sends with a key in the header and JSON in the body.
[, $base, $key, $numbers, $text] = $argv;

$ch = curl_init("$base/api/v2/sms/send");
curl_setopt_array($ch, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => ["X-API-Key: $key", 'Content-Type: application/json', 'Accept: application/json'],
    CURLOPT_POSTFIELDS => json_encode(['numbers' => $numbers, 'message_body' => $text, 'sender_id' => null]),
]);
$body = curl_exec($ch);
$status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
echo $body, "\n", $status, "\n";
$told = json_decode($body, true);
exit($status == 200 && !empty($told['success']) && !empty($told['data']['message_id']) ? 0 : 1);
