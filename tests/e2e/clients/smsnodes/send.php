<?php
// Hands a text to a telephone's queue with curl.
[, $base, $device, $password, $to, $text] = $argv;

$ch = curl_init("$base/api/send-sms");
curl_setopt_array($ch, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_POSTFIELDS => json_encode([
        'deviceUsername' => $device,
        'password' => $password,
        'phoneNumbers' => explode(',', $to),
        'message' => $text,
    ]),
]);
$body = curl_exec($ch);
$status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
echo $body, "\n", $status, "\n";
exit($status >= 200 && $status < 300 && isset(json_decode($body)->messageId) ? 0 : 1);
