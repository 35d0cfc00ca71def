<?php
// The same alert from a Guzzle application: the parameters travel in a form.
require 'GuzzleHttp/autoload.php';
[, $base, $username, $password, $to, $text] = $argv;

$client = new GuzzleHttp\Client(['base_uri' => $base, 'timeout' => 5, 'http_errors' => false]);
$answer = $client->post('/api.php', ['form_params' => compact('username', 'password', 'to', 'text') + ['mode' => 'number']]);
echo $answer->getBody(), "\n", $answer->getStatusCode(), "\n";
exit($answer->getStatusCode() == 200 ? 0 : 1);
