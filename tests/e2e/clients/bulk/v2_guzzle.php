<?php
// Sends through Guzzle with the key in the form.
require 'GuzzleHttp/autoload.php';
[, $base, $key, $numbers, $text] = $argv;

$client = new GuzzleHttp\Client(['base_uri' => "$base/api/v2/", 'http_errors' => false]);
$answer = $client->post('sms/send', ['form_params' => ['api_key' => $key, 'numbers' => $numbers, 'message_body' => $text]]);
echo $answer->getBody(), "\n", $answer->getStatusCode(), "\n";
exit(json_decode($answer->getBody())->success ?? false ? 0 : 1);
