<?php
// Signs in and sends one message, as a shop's back office does it: one function per call, curl, nothing else.

define("BASEURL", "http://app.gateway.smsend.it/API/v1.0/REST/");
define("HIGH_QUALITY", "N");

function login($username, $password) {
    $ch = curl_init();
    curl_setopt($ch, CURLOPT_URL, BASEURL . 'login?username=' . $username . '&password=' . $password);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
    $response = curl_exec($ch);
    $info = curl_getinfo($ch);
    curl_close($ch);
    return $info['http_code'] == 200 ? explode(";", $response) : null;
}

function call($keys, $method, $path, $body = null) {
    $ch = curl_init();
    curl_setopt($ch, CURLOPT_URL, BASEURL . $path);
    curl_setopt($ch, CURLOPT_CUSTOMREQUEST, $method);
    curl_setopt($ch, CURLOPT_RETURNTRANSFER, 1);
    curl_setopt($ch, CURLOPT_HTTPHEADER, array(
        'Content-type: application/json',
        'user_key: ' . $keys[0],
        'Session_key: ' . $keys[1],
    ));
    if ($body !== null) {
        curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $response = curl_exec($ch);
    $info = curl_getinfo($ch);
    curl_close($ch);
    return array($info['http_code'], json_decode($response));
}

$keys = login('username', 'password');
if ($keys === null || count($keys) != 2) {
    die("cannot sign in\n");
}

list($status, $sent) = call($keys, 'POST', 'sms', array(
    "message" => "Perché no? " . str_repeat("x", 400),
    "message_type" => HIGH_QUALITY,
    "returnCredits" => true,
    "recipient" => array("+393471234567", "00393471234568"),
    "sender" => null,
    "scheduled_delivery_time" => date('YmdHis', strtotime("-5 minutes")),
));
if ($status != 201 || $sent->result != "OK") {
    die("not sent: $status\n");
}
list($status, $state) = call($keys, 'GET', 'sms/' . $sent->order_id);
if ($status != 200 || $state->recipients[1]->destination != "+393471234568") {
    die("no state: $status\n");
}
list($status, $credit) = call($keys, 'GET', 'status?getMoney=1&typeAliases=true');
if ($status != 200 || $credit->sms[0]->type != "N") {
    die("no status: $status\n");
}
list($status, $refused) = call($keys, 'POST', 'sms', array("message" => "x"));
echo "sent ", $sent->total_sent, " refused ", $status, " ", $refused->error_code, "\n";
