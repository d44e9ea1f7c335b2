import { Construct } from "constructs";
import { App } from "cdktf";
import {
  ec2Description,
  namePath,
  physicalName,
  securityGroupName,
  setNamePath,
} from "../../../src/modules/common/physical-name";

const at = (...ids: string[]) => ids.reduce<Construct>((scope, id) => new Construct(scope, id), new App());

test("a path becomes lower case with hyphens", () => {
  expect(physicalName(at("prod-data-lake", "AccessLogs"), 63)).toBe("prod-data-lake-access-logs");
  expect(physicalName(at("1", "my_DB.main-"), 63)).toBe("my-db-main");
});

test("a name that is too long is cut, and stays different from its neighbour's", () => {
  const names = ["A", "B"].map((id) => physicalName(at("prod-data-lake", "TheBackupOfTheMetadata", id), 30));
  expect(names).toEqual([
    expect.stringMatching(/^prod-data-lake-the-ba-[0-9a-f]{8}$/),
    expect.stringMatching(/^prod-data-lake-the-ba-[0-9a-f]{8}$/),
  ]);
  expect(new Set(names).size).toBe(2);
  expect(names[0]).toHaveLength(30);
});

test("names without a letter, or with none that AWS takes, differ still", () => {
  const names = ["日本", "中国"].map((id) => physicalName(at(id), 63));
  expect(names).toEqual([expect.stringMatching(/^x-[0-9a-f]{8}$/), expect.stringMatching(/^x-[0-9a-f]{8}$/)]);
  expect(new Set(names).size).toBe(2);
});

test("a security group's name never begins as the ids of security groups do", () => {
  expect(securityGroupName(at("sg-clinic", "Db"))).toBe("group-sg-clinic-db");
  expect(securityGroupName(at("sgx", "Db"))).toBe("sgx-db");
});

test("a description has the characters that EC2 takes, and tells what it replaced apart", () => {
  const text = (...ids: string[]) => ec2Description("Glue job", at(...ids));
  expect(text("prod-data-lake", "Backup")).toBe("Glue job prod-data-lake/Backup");
  expect(text("Röntgen", "St. Mary's")).toMatch(/^Glue job Rontgen\/St\. Mary-s \([0-9a-f]{8}\)$/);
  expect(new Set([text("Röntgen"), text("Rontgen"), text("Rontgen-"), text("日本"), text("中国")]).size).toBe(5);
  expect(text("a".repeat(300))).toHaveLength(255);
});

test("a name path stands for the path of a construct and what is in it", () => {
  const lake = at("app", "Lake");
  const inner = new Construct(lake, "Role");
  setNamePath(lake, "old/Data");
  expect([namePath(lake), namePath(inner), physicalName(inner, 64)]).toEqual([
    "old/Data",
    "old/Data/Role",
    "old-data-role",
  ]);
});
