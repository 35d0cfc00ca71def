<?php
// A school's reminder to parents: name and password in a form.
[, $base, $username, $password, $numbers, $text] = $argv;

$ch = curl_init("$base/v1/sms/send");
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
curl_setopt($ch, CURLOPT_POSTFIELDS, http_build_query([
    'username' => $username,
    'password' => $password,
    'numbers' => $numbers,
    'message_body' => $text,
    'sender_id' => '',
]));
$body = curl_exec($ch);
$status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
echo $body, "\n", $status, "\n";
exit($status == 200 && json_decode($body)->success === true ? 0 : 1);
