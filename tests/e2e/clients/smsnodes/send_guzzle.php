<?php
// Hands a text to a telephone's queue with Guzzle, in a hurry.
require 'GuzzleHttp/autoload.php';
[, $base, $device, $password, $to, $text] = $argv;

$client = new GuzzleHttp\Client(['base_uri' => $base, 'http_errors' => false]);
$answer = $client->request('POST', '/api/send-sms', ['json' => [
    'deviceUsername' => $device,
    'password' => $password,
    'phoneNumbers' => explode(',', $to),
    'message' => $text,
    'priority' => 5,
]]);
echo $answer->getBody(), "\n", $answer->getStatusCode(), "\n";
exit(intdiv($answer->getStatusCode(), 100) == 2 ? 0 : 1);
