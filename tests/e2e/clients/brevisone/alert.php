<?php
// The alert script of a server room, with curl: everything in the address, as the gateway's manual shows it.
[, $base, $username, $password, $to, $text] = $argv;

$query = http_build_query(compact('username', 'password', 'to', 'text'));
$ch = curl_init("$base/api.php?$query");
curl_setopt($ch, CURLOPT_RETURNTRANSFER, true);
curl_setopt($ch, CURLOPT_TIMEOUT, 5);
$body = curl_exec($ch);
$status = curl_getinfo($ch, CURLINFO_HTTP_CODE);
echo $body, "\n", $status, "\n";
exit($status == 200 ? 0 : 1);
