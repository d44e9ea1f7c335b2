import { connect, createServer, type Server, type Socket } from "node:net";

/** A host and a port. */
export interface Endpoint {
  /** A host name or an address. */
  readonly host: string;
  /** The TCP port. */
  readonly port: number;
}

const VERSION = 5;
const NO_AUTHENTICATION = 0;
const CONNECT = 1;
const IPV4 = 1;
const DOMAIN = 3;

/** Answers to a request. */
enum Reply {
  SUCCEEDED = 0,
  GENERAL_FAILURE = 1,
  NOT_ALLOWED = 2,
  COMMAND_NOT_SUPPORTED = 7,
}

/**
 * A SOCKS 5 proxy for one destination, which it reaches at `forward`; it refuses each other destination.
 *
 * @see https://www.rfc-editor.org/rfc/rfc1928
 */
export function createSocksServer(destination: Endpoint, forward: Endpoint): Server {
  return createServer((client) => {
    client.on("error", () => client.destroy());
    serve(client, destination, forward).catch(() => client.destroy());
  });
}

async function serve(client: Socket, destination: Endpoint, forward: Endpoint): Promise<void> {
  const bytes = reader(client);
  const [version, methodCount = 0] = await bytes(2);
  const methods = await bytes(methodCount);
  if (version !== VERSION || !methods.includes(NO_AUTHENTICATION)) {
    client.end(Buffer.from([VERSION, 0xff]));
    return;
  }
  client.write(Buffer.from([VERSION, NO_AUTHENTICATION]));
  const [, command, , addressType] = await bytes(4);
  const host = await readHost(bytes, addressType);
  const port = (await bytes(2)).readUInt16BE();
  if (command !== CONNECT) return refuse(client, Reply.COMMAND_NOT_SUPPORTED);
  if (host?.toLowerCase() !== destination.host.toLowerCase() || port !== destination.port) {
    return refuse(client, Reply.NOT_ALLOWED);
  }
  const server = connect(forward.port, forward.host);
  server.once("connect", () => {
    client.write(reply(Reply.SUCCEEDED));
    client.pipe(server).pipe(client);
  });
  server.on("error", () => {
    if (server.connecting) refuse(client, Reply.GENERAL_FAILURE);
    else client.destroy();
  });
  client.on("close", () => server.destroy());
}

type ReadBytes = (count: number) => Promise<Buffer>;

/** Reads a number of bytes from a socket, and leaves the next ones in it. */
function reader(socket: Socket): ReadBytes {
  return async (count) => {
    if (count === 0) return Buffer.alloc(0);
    for (;;) {
      const bytes = socket.read(count) as Buffer | null;
      if (bytes !== null && bytes.length === count) return bytes;
      if (bytes !== null || socket.readableEnded || socket.destroyed) throw new Error("the client left");
      await new Promise<void>((resolve) => {
        const proceed = (): void => {
          for (const event of ["readable", "end", "close"]) socket.off(event, proceed);
          resolve();
        };
        for (const event of ["readable", "end", "close"]) socket.on(event, proceed);
      });
    }
  };
}

/** The destination's host; undefined for an IPv6 address, which the database's name is not. */
async function readHost(bytes: ReadBytes, addressType: number | undefined): Promise<string | undefined> {
  if (addressType === IPV4) return [...(await bytes(4))].join(".");
  if (addressType === DOMAIN) return (await bytes((await bytes(1)).readUInt8())).toString("latin1");
  await bytes(16);
  return undefined;
}

function refuse(client: Socket, code: Reply): void {
  client.end(reply(code));
}

/** The address that the proxy connects from is of no use to a client: it is left at 0.0.0.0:0. */
function reply(code: Reply): Buffer {
  return Buffer.from([VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]);
}
