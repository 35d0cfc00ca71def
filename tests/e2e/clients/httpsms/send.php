<?php
// Sends a text from one of the account's numbers, with curl.
[, $base, $key, $from, $to, $content] = $argv;

$ch = curl_init("$base/v1/messages/send");
curl_setopt_array($ch, [
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_POST => true,
    CURLOPT_HTTPHEADER => ["x-api-key: $key", 'Content-Type: application/json', 'Accept: application/json'],
    CURLOPT_POSTFIELDS => json_encode(compact('from', 'to', 'content')),
]);
$body = curl_exec($ch);
$status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
echo $body, "\n", $status, "\n";
exit($status == 200 && json_decode($body)->status === 'success' ? 0 : 1);
