import argparse


def getResolvedOptions(arguments: list[str], names: list[str]) -> dict[str, str]:  # noqa: N802 (Glue's own name)
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    return vars(parser.parse_known_args(arguments[1:])[0])
