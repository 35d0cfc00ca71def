// An SMSC made of the npm package "smpp", for make interop. It answers, sends receipts, and writes a line of JSON for each thing it sees.
// On its input it takes lines of JSON: a deliver_sm to send, with "parts" (texts) and "data_coding".
"use strict";
const fs = require("fs");
const readline = require("readline");
const smpp = require("smpp");

const [, , key, cert] = process.argv;
const say = (event, rest) => process.stdout.write(JSON.stringify({ event, ...rest }) + "\n");

// The library decodes before anybody can look; what came is kept beside.
const decode = smpp.filters.message.decode;
smpp.filters.message.decode = function (value, ...rest) {
  if (Buffer.isBuffer(value) && value.length) this.octets = value.toString("hex");
  return decode.call(this, value, ...rest);
};

let names = 0;
let receiver = null;

function serve(session) {
  let over = false; // a reset after unbind is no trouble
  session.on("error", (error) => over || say("error", { words: String(error) }));
  for (const bind of ["bind_transceiver", "bind_transmitter", "bind_receiver"]) {
    session.on(bind, (pdu) => {
      const fits = pdu.system_id === "gateway" && pdu.password === "pa55word";
      say("bind", { command: bind, fits, encrypted: Boolean(session.socket.encrypted) });
      session.send(pdu.response(fits ? { system_id: "npm-smpp" } : { command_status: smpp.ESME_RINVPASWD }));
      if (fits && bind !== "bind_transmitter") receiver = session;
    });
  }
  session.on("close", () => {
    if (receiver === session) receiver = null;
    say("close", {});
  });
  session.on("submit_sm", (pdu) => {
    const content = pdu.short_message.message ? pdu.short_message : pdu.message_payload || pdu.short_message;
    const name = (0xb0000000 + ++names).toString(16);
    say("submit_sm", {
      source: pdu.source_addr,
      destination: pdu.destination_addr,
      coding: pdu.data_coding,
      esm_class: pdu.esm_class,
      octets: pdu.octets,
      text: Buffer.isBuffer(content.message) ? content.message.toString("hex") : content.message,
      headers: (content.udh || []).map((each) => each.toString("hex")),
      sar: [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum],
      validity: pdu.validity_period instanceof Date ? pdu.validity_period.toISOString() : pdu.validity_period,
    });
    session.send(pdu.response({ message_id: name }));
    if (pdu.registered_delivery) receipt(pdu, name);
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    over = true;
    say("unbind", {});
    session.send(pdu.response());
    session.close();
  });
}

function receipt(pdu, name) {
  const date = new Date().toISOString().replace(/[-T:]/g, "").slice(2, 12);
  receiver?.deliver_sm(
    {
      source_addr: pdu.destination_addr,
      destination_addr: pdu.source_addr,
      source_addr_ton: 1,
      source_addr_npi: 1,
      esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
      short_message: `id:${name} sub:001 dlvrd:001 submit date:${date} done date:${date} stat:DELIVRD err:000 text:`,
      receipted_message_id: name,
      message_state: smpp.MESSAGE_STATE.DELIVERED,
    },
    (answer) => say("answered", { status: answer.command_status }),
  );
}

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  told.parts.forEach((text, place) => {
    const short_message = { message: text };
    if (told.parts.length > 1) short_message.udh = Buffer.from([5, 0, 3, told.reference, told.parts.length, place + 1]);
    receiver?.deliver_sm(
      {
        source_addr: told.source,
        destination_addr: told.destination,
        source_addr_ton: 1,
        source_addr_npi: 1,
        data_coding: told.data_coding,
        esm_class: 0,
        short_message,
      },
      (answer) => say("answered", { status: answer.command_status }),
    );
  });
});
readline.createInterface({ input: process.stdin }).on("close", () => process.exit(0));

const options = key ? { key: fs.readFileSync(key), cert: fs.readFileSync(cert) } : {};
const server = smpp.createServer(options, serve);
server.listen(0, "127.0.0.1", () => say("listening", { port: server.address().port }));
