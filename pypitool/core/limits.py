"""How long and how many what comes in may be: files, archives, forms and pages of strangers.

Each limit is at least four times the largest that the public index is known to hold: nothing honest meets it.
Where that was never counted, none is named, and the note says what the limit was measured by.
"""

from __future__ import annotations

from dataclasses import dataclass

KIB, MIB, GIB = 1024, 1024**2, 1024**3


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that is taken of one thing, and the largest that is known of it."""

    most: int
    largest: int | None
    note: str


# What a file says of itself. Its name is bounded by the file system, in `core.filenames`.
VERSION = Limit(256, None, "characters; a file's whole name has 200, and int() refuses 4,300 digits")
REQUIRES_PYTHON = Limit(KIB, None, "characters; one clause has ten")
REQUIREMENT = Limit(16 * KIB, None, "characters of a Requires-Dist; a marker for each platform takes 2 KiB")
METADATA = Limit(MIB, 200 * KIB, "bytes; nearly all of it is the README")

# Archives.
ZIP_ENTRIES = Limit(100_000, 20_000, "entries of the largest wheels")
ZIP_DIRECTORY = Limit(32 * MIB, None, "bytes; 335 for each entry")
TAR_MEMBERS = Limit(200_000, None, "files; as in a zip")
TAR_HEADER = Limit(64 * KIB, None, "bytes; a pax header holds a long name, or ten short records")
PAX_RECORDS = Limit(64, None, "of one member; Python writes at most ten, macOS a few more")
STREAM_PART = Limit(KIB, None, "bytes, the least; bgzip divides a stream into parts of 64 KiB")
STREAM_PARTS = Limit(1000, None, "compressed streams in a row that may be shorter than that")
INFLATED = Limit(8 * GIB, None, "bytes; takes minutes, and was never an sdist")
BOMB_SIZE = Limit(64 * MIB, None, "bytes; what inflates to less harms nobody, whatever the ratio")
BOMB_RATIO = Limit(50, None, "times the archive; the public index itself refuses more")

BUNDLE_MANIFEST = Limit(256 * MIB, None, "bytes; 500 for each file")
BACKUP_MANIFEST = Limit(64 * KIB, None, "bytes; it names three files")
BACKUP_MEMBERS = Limit(16, 4, "files, the manifest among them")

# Forms of uploads.
FORM_BYTES = Limit(16 * MIB, 200 * KIB, "bytes beside the file; it repeats the METADATA")
FORM_PARTS = Limit(10_000, None, "fields; Flask's 1,000 refuse projects with many extras")
SIGNATURE = Limit(64 * KIB, None, "bytes; a signature has less than one")

# Files and pages of upstreams.
FILE_BYTES = Limit(5 * GIB, GIB, "bytes, where `max-file-size` does not say another number")
SDIST_TO_READ = Limit(64 * MIB, None, "bytes of an sdist that is fetched for what it depends on alone")
PAGE_BYTES = Limit(128 * MIB, 32 * MIB, "bytes of JSON with upload times and provenance")
INPUT_BYTES = Limit(16 * MIB, None, "bytes of requirements at an address; the largest locks have two MiB")
INPUT_FILES = Limit(64, None, "addresses of requirements in one run; what was fetched may name more")
INPUT_DEPTH = Limit(100, None, "files of requirements, each within the one before; people have two or three")
HTML_TAGS = Limit(500_000, 120_000, "tags, beginnings and ends; a file has three")
HTML_BROKEN = Limit(1000, None, "tags without an end, as a `<` in a text is; a page has none")
HTML_SEARCHED = Limit(256 * MIB, None, "bytes: those of the page, for each tag in it without an end")
HTML_REFERENCES = Limit(MIB, None, "of characters, `&gt;` and such; a file has one or two")
HTML_NESTING = Limit(
    50_000_000, None, "tags, each counted as often as others are around it; flat pages have four"
)

# What other servers left for `migrate`.
SERVICE_FILE = Limit(MIB, 16 * KIB, "bytes of a unit, a compose file or a configuration")
DEVPI_INDEX = Limit(GIB, None, "bytes; a release takes 2 KiB, most of it the README")
