import type { Environment } from "./environment";

/** The variables that {@link environments} reads; each can be left out. */
export interface EnvironmentVariables {
  /**
   * The AWS emulator of the environment `local`.
   * @default "http://127.0.0.1:5000"
   */
  readonly AWS_ENDPOINT_URL?: string;
  /**
   * The MySQL server of the environment `local`, as `host:port`.
   * @default "127.0.0.1:3306"
   */
  readonly MYSQL_ENDPOINT?: string;
  /**
   * The bucket for the state of `dev`.
   * @default - a file
   */
  readonly DEV_STATE_BUCKET?: string;
  /**
   * The bucket for the state of `prod`.
   * @default - a file
   */
  readonly PROD_STATE_BUCKET?: string;
  /**
   * Who gets the alarms of `prod`.
   * @default - nobody
   */
  readonly ALARM_EMAIL?: string;
}

/** The environments of this repository. */
export function environments(variables: EnvironmentVariables): Environment[] {
  return [
    {
      name: "local",
      region: "eu-central-1",
      protect: false,
      sampleData: true,
      alarms: {},
      localEndpoints: {
        aws: variables.AWS_ENDPOINT_URL ?? "http://127.0.0.1:5000",
        mysql: variables.MYSQL_ENDPOINT ?? "127.0.0.1:3306",
      },
    },
    {
      name: "dev",
      region: "eu-central-1",
      protect: false,
      sampleData: true,
      database: { instanceClass: "db.t4g.micro" },
      backup: { executionClass: "FLEX" },
      stateBucketName: variables.DEV_STATE_BUCKET,
    },
    {
      name: "prod",
      region: "eu-central-1",
      protect: true,
      sampleData: false,
      alarms: { email: variables.ALARM_EMAIL },
      bucket: { snapshotExpirationDays: 400 },
      database: { instanceClass: "db.m7g.large", allocatedStorageGib: 100, multiAz: true, backupRetentionDays: 35 },
      stateBucketName: variables.PROD_STATE_BUCKET,
    },
  ];
}
