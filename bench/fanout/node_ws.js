// A server of Node with `ws` that sends a message to all: node node_ws.js CONNECTIONS MESSAGES ROUNDS
// It prints its port, and then the microseconds of a delivery.
const { WebSocketServer } = require("ws");
const [connections, messages, rounds] = process.argv.slice(2).map(Number);
const text = "x".repeat(100);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });
server.on("listening", () => console.log(server.address().port));
server.on("connection", () => {
  if (server.clients.size === connections) setTimeout(measure, 500);
});
async function measure() {
  const before = process.cpuUsage();
  for (let round = 0; round < rounds; round++) {
    for (let number = 0; number < messages; number++) for (const ws of server.clients) ws.send(text);
    await new Promise(setImmediate);
  }
  const { user, system } = process.cpuUsage(before);
  console.log((user + system) / (rounds * messages * connections));
  process.exit();
}
