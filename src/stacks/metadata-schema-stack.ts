import type { Construct } from "constructs";
import { Annotations, AssetType, Fn, TerraformAsset } from "cdktf";
import { RDS_CA_BUNDLE } from "../modules/common/assets";
import { DataModel } from "../modules/common/data-model";
import { EphemeralResource } from "../modules/common/ephemeral-resource";
import { MetadataSchema } from "../modules/database/metadata-schema";
import { SchemaUser } from "../modules/database/schema-user";
import type { MysqlProviderConfig } from "../providers/mysql/provider";
import { MysqlProvider } from "../providers/mysql/provider";
import type { DataLakeStack } from "./data-lake-stack";
import { EnvironmentStack } from "./environment-stack";

/** Seconds for which the provider tries to reach the server: a plan against a database that is down must not hang. */
const CONNECT_RETRY_SECONDS = 20;

/**
 * The schema of an environment's database. A stack of its own: Terraform does not support a provider whose settings come
 * from a resource of the same run.
 */
export class MetadataSchemaStack extends EnvironmentStack {
  /** The schema with its users. */
  readonly schema: MetadataSchema;

  constructor(scope: Construct, dataLake: DataLakeStack) {
    super(scope, dataLake.environment, "metadata-schema");
    const { protect, sampleData, migrationsFolder, dataModel, policies } = this.environment;
    const { database, eraseSecret, secrets } = dataLake;
    const purges = (dataModel ?? DataModel.xray()).purgedBy(policies).length > 0;
    this.warnWithoutWayIn();
    this.addMysqlProvider(dataLake);
    this.schema = new MetadataSchema(this, "Schema", {
      databaseName: database.databaseName,
      migrationsFolder,
      preventDestroy: protect,
      sampleData,
      users: [
        SchemaUser.app(secrets.xray_app, { dataModel }),
        SchemaUser.backup(secrets.xray_backup, { dataModel }),
        ...(purges ? [SchemaUser.purge(secrets.xray_purge, { dataModel, policies })] : []),
        SchemaUser.restore(secrets.xray_restore, { dataModel }),
        ...(eraseSecret ? [SchemaUser.erase(eraseSecret, { dataModel })] : []),
      ],
    });
  }

  private warnWithoutWayIn(): void {
    const { adminCidr, database, localEndpoints, mysqlProxy, name, protect } = this.environment;
    const isPublic = adminCidr !== undefined || database?.publiclyAccessible === true;
    if (localEndpoints !== undefined || mysqlProxy !== undefined || isPublic) return;
    Annotations.of(this).addWarning(
      "the database is private and mysqlProxy is not set: outside its network this stack cannot be planned or deployed; set " +
        `bastion, run npx xray-tunnel ${name}-data-lake and set mysqlProxy${protect ? "" : ", or set adminCidr"}`,
    );
  }

  private addMysqlProvider(dataLake: DataLakeStack): void {
    const { localEndpoints, mysqlProxy } = this.environment;
    const host = localEndpoints?.mysql.host ?? dataLake.database.endpoint;
    const port = localEndpoints?.mysql.port ?? dataLake.database.port;
    new MysqlProvider(this, "mysql", {
      endpoint: `${host}:${port}`,
      connectRetryTimeoutSec: CONNECT_RETRY_SECONDS,
      // Without it the provider would send MySQL through a proxy for HTTP that the environment names.
      ...(mysqlProxy === undefined ? { noProxy: host } : { proxy: mysqlProxy }),
      ...(localEndpoints ? localTls(localEndpoints.mysqlCaFile) : this.rdsLogin(dataLake)),
    });
  }

  private rdsLogin(dataLake: DataLakeStack): MysqlProviderConfig {
    const secret = new EphemeralResource(this, "MasterUserSecret", {
      type: "aws_secretsmanager_secret_version",
      arguments: { secret_id: dataLake.database.masterUserSecretArn },
    });
    const login = (key: string): string => Fn.lookup(Fn.jsondecode(secret.attribute("secret_string")), key) as string;
    const caBundle = new TerraformAsset(this, "CaBundle", { path: RDS_CA_BUNDLE, type: AssetType.FILE });
    return { username: login("username"), password: login("password"), customTls: [{ caCert: caBundle.path }] };
  }
}

function localTls(caFile: string | undefined): MysqlProviderConfig {
  return caFile === undefined ? {} : { customTls: [{ caCert: caFile }] };
}
