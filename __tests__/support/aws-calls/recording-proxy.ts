import {
  createServer,
  request as sendRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { type AwsCall, type HttpRequest, readCall } from "./aws-call";

/** Judges a call before the emulator gets it: undefined lets it through, a text says what is not allowed. */
export type JudgeCall = (call: AwsCall, accessKeyId: string) => Promise<string | undefined>;

/** A proxy before the AWS emulator that writes each call down, and refuses those that policies do not allow. */
export class RecordingProxy {
  /** Calls so far. */
  readonly calls: AwsCall[] = [];
  /** Refusals so far. */
  readonly refusals: string[] = [];

  private constructor(
    private readonly server: Server,
    private readonly emulator: URL,
    private readonly judge: JudgeCall,
  ) {
    server.on("request", (incoming, outgoing) => {
      this.answer(incoming, outgoing).catch((error: unknown) => outgoing.destroy(error as Error));
    });
  }

  /** @param judge lets everything through where it is left out */
  static async start(
    emulatorUrl: string,
    judge: JudgeCall = () => Promise.resolve(undefined),
  ): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(createServer(), new URL(emulatorUrl), judge);
    await new Promise<void>((resolve) => proxy.server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { method = "GET", url = "/", headers } = incoming;
    const request = { method, url, headers, body: await readBody(incoming) };
    const call = readCall(request);
    this.calls.push(call);
    const accessKeyId = /Credential=([^/]+)\//.exec(headers.authorization ?? "")?.[1] ?? "";
    const refusal = await this.judge(call, accessKeyId);
    if (refusal !== undefined) {
      this.refusals.push(refusal);
      refuse(outgoing, request, call, refusal);
      return;
    }
    const { hostname: host, port } = this.emulator;
    const onward = sendRequest({ host, port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    onward.end(request.body);
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** AWS's refusal in the form of the service's protocol. */
function refuse(outgoing: ServerResponse, { headers }: HttpRequest, { action }: AwsCall, message: string): void {
  const [service] = action.split(":");
  if (headers["x-amz-target"] !== undefined) {
    outgoing.writeHead(400, { "content-type": "application/x-amz-json-1.1" });
    outgoing.end(JSON.stringify({ __type: "AccessDeniedException", message }));
    return;
  }
  const error = `<Code>${service === "ec2" ? "UnauthorizedOperation" : "AccessDenied"}</Code><Message>${message}</Message>`;
  const xml: Record<string, string> = {
    ec2: `<Response><Errors><Error>${error}</Error></Errors><RequestID>1</RequestID></Response>`,
    s3: `<Error>${error}</Error>`,
  };
  outgoing.writeHead(403, { "content-type": "text/xml" });
  outgoing.end(xml[service ?? ""] ?? `<ErrorResponse><Error>${error}</Error></ErrorResponse>`);
}
