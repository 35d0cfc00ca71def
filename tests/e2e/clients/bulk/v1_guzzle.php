<?php
// A shop's notice: name and password in the address, the rest in a form, three tries one second apart.
require 'GuzzleHttp/autoload.php';
[, $base, $username, $password, $numbers, $text] = $argv;

$client = new GuzzleHttp\Client(['http_errors' => false, 'timeout' => 30]);
for ($try = 1; $try <= 3; $try++) {
    $answer = $client->post("$base/v1/sms/send", [
        'query' => ['username' => $username, 'password' => $password],
        'form_params' => ['numbers' => $numbers, 'message_body' => $text],
    ]);
    if ($answer->getStatusCode() < 400) {
        break;
    }
    sleep(1);
}
echo $answer->getBody(), "\n", $answer->getStatusCode(), "\n";
exit($answer->getStatusCode() < 400 ? 0 : 1);
