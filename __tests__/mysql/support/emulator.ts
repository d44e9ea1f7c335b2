import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { type Emulator, startEmulator } from "../../../local/servers/aws/emulator";
import { secrets } from "./synth";

/** Starts the project's AWS emulator and puts the users' secrets into it. */
export async function startEmulatorWithSecrets(): Promise<Emulator> {
  const emulator = await startEmulator();
  const client = new SecretsManagerClient({
    endpoint: emulator.url,
    region: "eu-west-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  for (const [name, text] of Object.entries(secrets)) {
    await client.send(new CreateSecretCommand({ Name: name, SecretString: text }));
  }
  client.destroy();
  return emulator;
}
