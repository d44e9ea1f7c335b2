import { createConnection } from "mysql2/promise";
import { type ReplayOptions, replayApply, replayDestroy } from "../../local/replayer/replayer";
import type { MetadataSchemaProps } from "../../src/modules/database/metadata-schema";
import {
  type SchemaAccountOptions,
  SchemaPrivilege,
  SchemaUser,
  type SchemaUserProps,
} from "../../src/modules/database/schema-user";
import { createAccountRecord } from "../../src/schema/accounts";
import { describeOnServers } from "./support/servers";
import { passwordOf, secrets, synthesizeSchema, users } from "./support/synth";

const readSecret: ReplayOptions["readSecret"] = (id) => Promise.resolve(secrets[id] ?? "");

describeOnServers("accounts of a schema", (get) => {
  const secret = (username: string) => ({ username, secretArn: "xray_app", passwordVersion: 1 });
  const user = (username: string, options: Partial<SchemaUserProps> = {}) =>
    new SchemaUser({ secret: secret(username), privileges: [SchemaPrivilege.SELECT], tables: ["image"], ...options });
  const replay = (databaseName: string, schemaUsers: SchemaUser[], props: MetadataSchemaProps = {}): ReplayOptions => ({
    stackFile: synthesizeSchema({ databaseName, users: schemaUsers, preventDestroy: false, ...props }),
    server: get().root,
    readSecret,
  });
  const hosts = async (username: string) =>
    (await get().rows("SELECT Host FROM mysql.user WHERE User = ? ORDER BY 1", [username])).map((row) =>
      String(row["Host"]),
    );
  const grants = async (account: string) =>
    (await get().rows(`SHOW GRANTS FOR ${account}`)).flatMap(Object.values).map(String);
  const logIn = async (username: string, password: string) => {
    const connection = await createConnection({ ...get().root, user: username, password });
    await connection.end();
  };

  test.each([["%"], ["10.0.%"]])(
    "the user that the deploy is connected as is never dropped (host %s)",
    async (host) => {
      const { connection } = get();
      await connection.query("CREATE USER IF NOT EXISTS operator@'%' IDENTIFIED BY 'operator-password'");
      await connection.query("GRANT ALL ON *.* TO operator@'%' WITH GRANT OPTION");
      for (const options of [{ host }, { host, takeOver: true }] satisfies SchemaAccountOptions[]) {
        const deploy = {
          ...replay("connected", [user("operator", options)]),
          server: { ...get().root, user: "operator", password: "operator-password" },
        };
        await expect(replayApply(deploy)).rejects.toThrow(
          /operator_Claim_\w+: Error 1644: operator is the user that this deploy is connected as: give the schema a user of another name$/,
        );
      }
      await logIn("operator", "operator-password");
      expect(await hosts("operator")).toEqual(["%"]);
    },
  );

  test("a second schema does not take the first one's user away", async () => {
    await replayApply(replay("first", [user("xray_shared")]));
    const before = await grants("xray_shared@'%'");
    const second = replay("second", [user("xray_shared")]);
    await expect(replayApply(second)).rejects.toThrow(
      /Error 1644: xray_shared@% was not made by this schema: choose another name, or set takeOver to drop it$/,
    );
    expect(await grants("xray_shared@'%'")).toEqual(before);
    await replayApply(replay("second", [user("xray_other"), user("xray_shared", { host: "10.0.%" })]));
    expect(await grants("xray_shared@'%'")).toEqual(before);
    expect(await hosts("xray_shared")).toEqual(["%", "10.0.%"]);
  });

  test("an account that somebody made stays as it is, until takeOver is set", async () => {
    const { connection } = get();
    await connection.query("CREATE USER xray_by_hand@'%' IDENTIFIED BY 'by-hand'");
    await expect(replayApply(replay("by_hand", [user("xray_by_hand")]))).rejects.toThrow("was not made by this schema");
    await logIn("xray_by_hand", "by-hand");
    await replayApply(replay("by_hand", [user("xray_by_hand", { takeOver: true })]));
    await logIn("xray_by_hand", passwordOf("xray_app"));
    // Terraform replaces the claim when takeOver goes again: that asks for the record, which has the account by now.
    await replayApply(replay("by_hand", [user("xray_by_hand")]));
  });

  test("with the state lost, the schema knows its accounts again; one that is gone is no longer its own", async () => {
    const deploy = replay("known", [user("xray_known")]);
    await replayApply(deploy);
    await replayApply(deploy);
    expect(await get().rows("SELECT user, host FROM known.schema_account")).toEqual([
      { user: "xray_known", host: "%" },
    ]);
    await replayDestroy(deploy);
    await replayApply(replay("known", []));
    await get().connection.query("CREATE USER xray_known@'%' IDENTIFIED BY 'somebody-else'");
    await expect(replayApply(deploy)).rejects.toThrow("was not made by this schema");
    await logIn("xray_known", "somebody-else");
  });

  test("a database of release 0.1.0 has no record: it is filled once, with the accounts that work on this database alone", async () => {
    const { connection, rows } = get();
    await replayApply(replay("early", [user("xray_early"), user("xray_both")]));
    await connection.query("DROP TABLE early.schema_account; DROP PROCEDURE early.schema_claim");
    await connection.query("CREATE DATABASE IF NOT EXISTS elsewhere; GRANT SELECT ON elsewhere.* TO xray_both@'%'");
    await connection.query(createAccountRecord("early"));
    expect(await rows("SELECT user, host FROM early.schema_account")).toEqual([{ user: "xray_early", host: "%" }]);
    await connection.query("GRANT SELECT ON early.image TO xray_by_hand@'%'");
    await connection.query(createAccountRecord("early"));
    expect(await rows("SELECT user FROM early.schema_account")).toHaveLength(1);
  });

  test("in a database that was made by hand the record begins empty", async () => {
    const { connection, rows } = get();
    await connection.query("CREATE DATABASE adopted; CREATE TABLE adopted.old (id INT PRIMARY KEY)");
    await connection.query(
      "CREATE USER xray_adopted@'%' IDENTIFIED BY 'x'; GRANT SELECT ON adopted.old TO xray_adopted@'%'",
    );
    await expect(replayApply(replay("adopted", [user("xray_adopted")]))).rejects.toThrow("was not made by this schema");
    expect(await rows("SELECT * FROM adopted.schema_account")).toEqual([]);
  });

  test("one user on two hosts, with rights on tables and others on a view; hosts are kept as MySQL keeps them", async () => {
    const reads = { privileges: [SchemaPrivilege.SELECT], tables: ["detections", "image"] };
    const writes = { privileges: [SchemaPrivilege.INSERT], tables: ["image", "transaction"] };
    const all = ["App-1.Example.COM", "10.0.%", "2001:DB8::1"].flatMap((host) => [
      user("xray_many", { host, ...reads }),
      user("xray_many", { host, ...writes }),
    ]);
    const addresses = await replayApply(replay("many", all));
    expect(
      addresses.filter((address) => address.startsWith("mysql_user.")).map((address) => address.slice(0, -9)),
    ).toEqual(["mysql_user.Schema_xray_many100", "mysql_user.Schema_xray_many2001db81", "mysql_user.Schema_xray_many"]);
    expect(await hosts("xray_many")).toEqual(["10.0.%", "2001:db8::1", "app-1.example.com"]);
    expect(
      (await grants("xray_many@'app-1.example.com'"))
        .map((grant) => grant.replaceAll("`", ""))
        .slice(1)
        .sort(),
    ).toEqual(
      ["SELECT ON many.detections", "SELECT, INSERT ON many.image", "INSERT ON many.transaction"]
        .map((right) => `GRANT ${right} TO xray_many@app-1.example.com`)
        .sort(),
    );
  });

  test("destroy takes the accounts and their record, in an unprotected database", async () => {
    const deploy = replay("gone", users());
    await replayApply(deploy);
    await replayDestroy(deploy);
    expect(await hosts("xray_app")).toEqual([]);
  });
});
