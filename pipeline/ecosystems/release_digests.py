"""The digests of a release's files: what GitHub itself says, else what the release's files of checksums say."""

from typing import Final

from pipeline.ecosystems.base import Answer, Fetcher
from pipeline.model import Failed, Held
from pipeline.releases.checksums import BESIDE, is_shared, parse
from pipeline.releases.published import Asset

# A file of checksums has a line for each file of a release.
_SIZE_LIMIT: Final = 1024 * 1024  # bytes
# Files of checksums for all files that are read; a release has one, or one for each kind of digest. A release may have
# thousands of files, and each costs a request.
_SHARED_LIMIT: Final = 3


def digests_of(wanted: list[Asset], assets: list[Asset], fetcher: Fetcher) -> dict[str, str] | Failed | Held:
    """Return `algorithm:hexadecimal` by the name of each wanted file that has one.

    A file that GitHub says the digest of costs no request; the others cost one together where a file of checksums lists
    all, else one each.
    """
    digests = {asset.name: digest for asset in wanted if (digest := _given(asset))}
    missing = [asset.name for asset in wanted if asset.name not in digests]
    usable = {asset.name: asset for asset in assets if asset.size <= _SIZE_LIMIT}
    beside = {name: f"{name}{end}" for name in missing for end in reversed(BESIDE) if f"{name}{end}" in usable}
    taken = {f"{asset.name}{end}" for asset in assets for end in BESIDE}
    shared = sorted(name for name in usable if is_shared(name) and name not in taken)[:_SHARED_LIMIT]
    sources = [(name, "") for name in shared] if missing else []
    sources += [(file, name) for name, file in beside.items()]
    for file, of in sources:
        if all(name in digests for name in missing) or of in digests:
            continue
        answer = fetcher.get(usable[file].browser_download_url)
        if not isinstance(answer, Answer):
            return answer
        listed = parse(answer.content[:_SIZE_LIMIT], of)
        digests |= {name: listed[name] for name in missing if name in listed and name not in digests}
    return digests


def _given(asset: Asset) -> str:
    """Return the digest that GitHub computed at the upload, "" for an older file."""
    listed = parse((asset.digest or "").removeprefix("sha256:").encode(), asset.name)
    return listed.get(asset.name, "") if (asset.digest or "").startswith("sha256:") else ""
