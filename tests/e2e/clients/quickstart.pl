#!/usr/bin/perl
# Signs in and sends one message, as a monitoring script does it: LWP and JSON, nothing else.
use strict;
use warnings;
use LWP::UserAgent;
use HTTP::Request;
use JSON::PP;

use constant BASEURL => "http://app.gateway.smsend.it/API/v1.0/REST/";

sub authenticate {
    my ($username, $password) = @_;
    my $ua = LWP::UserAgent->new;
    $ua->default_header(Content_type => 'application/json');
    my $response = $ua->get(BASEURL . "login?username=$username&password=$password");
    return $response->is_success ? split(/;/, $response->decoded_content) : ();
}

sub call {
    my ($method, $path, $keys, $body) = @_;
    my $ua = LWP::UserAgent->new;
    # The colon keeps LWP from turning the underscore into a dash.
    $ua->default_header('Content_type' => 'application/json', ':user_key' => $keys->[0], ':Session_key' => $keys->[1]);
    my $request = HTTP::Request->new($method, BASEURL . $path);
    $request->content(encode_json($body)) if $body;
    my $response = $ua->request($request);
    return ($response->code, decode_json($response->content));
}

my @keys = authenticate('username', 'password');
die "cannot sign in\n" unless @keys == 2;

my ($status, $sent) = call('POST', 'sms', \@keys, {
    message => "Hello world!", message_type => "N", recipient => ["+39349123456789"],
});
die "not sent: $status\n" unless $status == 201 && $sent->{result} eq "OK";
my ($found, $state) = call('GET', "sms/$sent->{order_id}", \@keys);
die "no state: $found\n" unless $found == 200 && $state->{recipient_number} == 1;
my ($bad, $refused) = call('POST', 'sms', \@keys, {message => "x"});
print "sent $sent->{total_sent} refused $bad $refused->{error_code}\n";
