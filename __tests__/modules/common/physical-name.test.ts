import { Construct } from "constructs";
import { App } from "cdktf";
import { physicalName } from "../../../src/modules/common/physical-name";

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
