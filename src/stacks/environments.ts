import type { ClientEndpoint } from "../modules/database/metadata-database-props";
import type { Environment } from "./environment";

/** The variables that {@link environments} reads; each can be left out. */
export interface EnvironmentVariables {
  /**
   * E-mail address that gets the alarms of `prod`.
   * @default - nobody
   */
  readonly ALARM_EMAIL?: string;
  /**
   * The AWS emulator of `local`.
   * @default "http://127.0.0.1:5000"
   */
  readonly AWS_ENDPOINT_URL?: string;
  /**
   * E-mail address that gets the alarms of `dev`.
   * @default - `dev` has no alarms
   */
  readonly DEV_ALARM_EMAIL?: string;
  /**
   * The one public network that reaches the database of `dev` from the internet, such as `203.0.113.7/32`.
   * @default - none
   */
  readonly DEV_ADMIN_CIDR?: string;
  /**
   * `true` makes the bastion of `dev`.
   * @default - none
   */
  readonly DEV_BASTION?: string;
  /**
   * The bucket for the state of `dev`.
   * @default - a file
   */
  readonly DEV_STATE_BUCKET?: string;
  /**
   * The MySQL server of `local`, as `host:port`.
   * @default "127.0.0.1:3306"
   */
  readonly MYSQL_ENDPOINT?: string;
  /**
   * The proxy to the databases of `dev` and `prod`.
   * @default - none
   */
  readonly MYSQL_PROXY?: string;
  /**
   * A PEM file with the authority of the certificate of `local`'s MySQL server.
   * @default - the connection is not encrypted
   */
  readonly MYSQL_TLS_CA_CERT?: string;
  /**
   * Refused: the database of `prod` is private.
   * @default - none
   */
  readonly PROD_ADMIN_CIDR?: string;
  /**
   * `true` makes the bastion of `prod`.
   * @default - none
   */
  readonly PROD_BASTION?: string;
  /**
   * The bucket for the state of `prod`.
   * @default - a file
   */
  readonly PROD_STATE_BUCKET?: string;
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
      backup: { archiveOlderThanDays: 90 },
      purge: { olderThanDays: 90 },
      localEndpoints: {
        aws: variables.AWS_ENDPOINT_URL ?? "http://127.0.0.1:5000",
        mysql: parseEndpoint(variables.MYSQL_ENDPOINT ?? "127.0.0.1:3306"),
        mysqlCaFile: variables.MYSQL_TLS_CA_CERT,
      },
    },
    {
      name: "dev",
      region: "eu-central-1",
      protect: false,
      sampleData: true,
      database: { instanceClass: "db.t4g.micro" },
      alarms: variables.DEV_ALARM_EMAIL === undefined ? undefined : { email: variables.DEV_ALARM_EMAIL },
      backup: { executionClass: "FLEX" },
      adminCidr: variables.DEV_ADMIN_CIDR,
      bastion: variables.DEV_BASTION === "true" ? {} : undefined,
      mysqlProxy: variables.MYSQL_PROXY,
      stateBucketName: variables.DEV_STATE_BUCKET,
    },
    {
      name: "prod",
      region: "eu-central-1",
      protect: true,
      sampleData: false,
      alarms: { email: variables.ALARM_EMAIL },
      adminCidr: variables.PROD_ADMIN_CIDR,
      bastion: variables.PROD_BASTION === "true" ? {} : undefined,
      backupBucket: { snapshotExpirationDays: 400 },
      bucket: { snapshotExpirationDays: 400 },
      database: {
        instanceClass: "db.m7g.large",
        allocatedStorageGib: 100,
        multiAz: true,
        backupRetentionDays: 35,
        auditLog: {},
      },
      mysqlProxy: variables.MYSQL_PROXY,
      network: { flowLogs: {} },
      stateBucketName: variables.PROD_STATE_BUCKET,
    },
  ];
}

function parseEndpoint(endpoint: string): ClientEndpoint {
  const [host = "", port = "3306"] = endpoint.split(":");
  return { host, port: Number(port) };
}
