<?php
// Sends one text to several people through Guzzle.
require 'GuzzleHttp/autoload.php';
[, $base, $key, $from, $to, $content] = $argv;

$client = new GuzzleHttp\Client(['base_uri' => $base, 'headers' => ['x-api-Key' => $key], 'http_errors' => false]);
$answer = $client->post('/v1/messages/bulk-send', ['json' => ['from' => $from, 'to' => [$to], 'content' => $content]]);
echo $answer->getBody(), "\n", $answer->getStatusCode(), "\n";
exit($answer->getStatusCode() == 200 ? 0 : 1);
