"""Password hashes as htpasswd files hold them: the only module that knows libpass and bcrypt."""

from __future__ import annotations

from pypitool.access.password_errors import PasswordRefused, PasswordsUnavailable

# What `htpasswd` of apache2-utils writes (-B -5 -2 -m -s -d); its plaintext (-p) is left out on purpose.
SCHEMES = ("bcrypt", "sha512_crypt", "sha256_crypt", "apr_md5_crypt", "ldap_sha1", "des_crypt")
WEAK = {"apr_md5_crypt": "apr1", "ldap_sha1": "SHA-1", "des_crypt": "DES"}

# Longer ones only make sha512-crypt slow: its cost grows with the password.
LONGEST_PASSWORD = 1024
LONGEST_FOR_BCRYPT = 72
BCRYPT_COST = 12


class PasswordHashes:
    """Identify and verify the hashes of an htpasswd file."""

    def __init__(self) -> None:
        try:
            import passlib
            from passlib.context import CryptContext
        except (ImportError, AttributeError) as error:
            raise PasswordsUnavailable(str(error)) from error
        if _predates_libpass(passlib.__version__):
            # passlib 1.7.4 over libpass: its own check of bcrypt >= 5 raises at the first password.
            raise PasswordsUnavailable(f"passlib {passlib.__version__} was installed over it")
        self._context = CryptContext(schemes=list(SCHEMES))

    def scheme(self, stored: str) -> str | None:
        """Return the algorithm of a stored hash, or None when it is none that we verify."""
        try:
            name: str | None = self._context.identify(stored)
            if name is not None:
                self._context.handler(name).from_string(stored)
        except ValueError:
            return None
        return name

    def matches(self, password: str, stored: str) -> bool:
        """Say whether `password` is the one that was hashed; never raises for a strange one."""
        # Crypt functions of C stop at a NUL: "secret\0anything" would be "secret".
        if "\0" in password or len(password) > LONGEST_PASSWORD:
            return False
        try:
            return bool(self._context.verify(password, stored))
        except ValueError:  # over 72 bytes for bcrypt, lone surrogates, an unknown or broken hash
            return False


def hash_password(password: str) -> str:
    """Hash a new password with bcrypt."""
    import bcrypt

    body = password.encode("utf-8", "surrogateescape")
    if not body:
        raise PasswordRefused("it is empty")
    if b"\0" in body:
        raise PasswordRefused("it holds a NUL character")
    if len(body) > LONGEST_FOR_BCRYPT:
        raise PasswordRefused(f"it is longer than the {LONGEST_FOR_BCRYPT} bytes that bcrypt looks at")
    return bcrypt.hashpw(body, bcrypt.gensalt(BCRYPT_COST)).decode("ascii")


def _predates_libpass(version: str) -> bool:
    major, minor = version.split(".")[:2]
    return (int(major), int(minor)) < (1, 8)
