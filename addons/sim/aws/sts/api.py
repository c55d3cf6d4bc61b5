"""The HTTP side of STS: the operations, what they answer, and what the knobs do to them."""

import time
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from addons.sim.aws.sts import tokens
from addons.sim.aws.sts.errors import StsError, access_denied
from addons.sim.aws.sts.request import Request
from addons.sim.aws.sts.state import Asked, Role, Session, Sts, account_of
from addons.sim.aws.sts.trust import Question, permits
from addons.sim.aws.throttle import Throttle

OPERATIONS = ("AssumeRole", "AssumeRoleWithWebIdentity", "GetCallerIdentity")
"""The operations that are ours."""

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_CHAINED_SECONDS = 3600


class StsApi:
    """Answers requests from the state, slowed and refused as the knobs say."""

    def __init__(self, sts: Sts, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.sts = sts
        self._throttle = Throttle(monotonic)

    async def answer(self, operation: str, request: Request, request_id: str) -> str:
        """Give the XML of the answer. Raises `StsError`."""
        self.sts.calls[operation] += 1
        knobs = self.sts.knobs
        if not self._throttle.admits(knobs.rate_per_second, knobs.burst):
            raise StsError("Throttling", "Rate exceeded")
        await self.sts.wait("" if operation == "GetCallerIdentity" else request.role_arn)
        if operation == "GetCallerIdentity":
            parts = self._caller_identity(request)
        elif operation == "AssumeRole":
            parts = self._assume_role(request)
        else:
            parts = await self._assume_role_with_web_identity(request)
        return (
            f'<{operation}Response xmlns="{_NAMESPACE}"><{operation}Result>{parts}</{operation}Result>'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
        )

    def _caller(self, request: Request) -> Session | str:
        if not request.access_key_id:
            raise StsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        return self.sts.caller(request.access_key_id, request.token)

    def _caller_identity(self, request: Request) -> str:
        caller = self._caller(request)
        arn = caller if isinstance(caller, str) else caller.arn
        unique = f"AIDA{arn[-8:].upper()}" if isinstance(caller, str) else f"{caller.role.id}:{caller.name}"
        return _elements({"Arn": arn, "UserId": unique, "Account": account_of(arn)})

    def _assume_role(self, request: Request) -> str:
        caller = self._caller(request)
        arn, seconds, tags = request.role_arn, request.duration_seconds, request.tags
        self.sts.asked[Asked(arn, request.session_name, request.external_id)] += 1
        self._admit("sts:AssumeRole", caller, arn, request)
        if tags:
            self._admit("sts:TagSession", caller, arn, request)
        if isinstance(caller, Session) and seconds > _CHAINED_SECONDS:
            raise StsError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit "
                "for roles assumed by role chaining.",
            )
        return _session(self._open(self.sts.roles[arn], request, seconds, tags))

    def _admit(self, action: str, caller: Session | str, arn: str, request: Request) -> None:
        name = caller if isinstance(caller, str) else caller.arn
        context = {"sts:RoleSessionName": request.session_name, "aws:PrincipalArn": _principal(caller)}
        if request.external_id:
            context["sts:ExternalId"] = request.external_id
        context |= {f"aws:RequestTag/{key}": value for key, value in request.tags.items()}
        role = self.sts.roles.get(arn)
        if role is None or not permits(role.trust, Question(action, _names(caller), context)):
            raise access_denied(name, action, arn)

    async def _assume_role_with_web_identity(self, request: Request) -> str:
        arn, name, seconds = request.role_arn, request.session_name, request.duration_seconds
        self.sts.asked[Asked(arn, name)] += 1
        identity = await tokens.verify(self.sts, request.text("WebIdentityToken", 4, 20000))
        host = identity.provider.issuer.removeprefix("https://")
        context = {f"{host}:sub": identity.subject, f"{host}:aud": identity.audience}
        question = Question(
            "sts:AssumeRoleWithWebIdentity",
            frozenset({("Federated", identity.provider.arn)}),
            context | {"sts:RoleSessionName": name},
        )
        role = self.sts.roles.get(arn)
        if role is None or not permits(role.trust, question):
            raise StsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
        vouched = {
            "SubjectFromWebIdentityToken": identity.subject,
            "Audience": identity.audience,
            "Provider": identity.provider.arn,
        }
        return _session(self._open(role, request, seconds, {})) + _elements(vouched)

    def _open(self, role: Role, request: Request, seconds: int, tags: Mapping[str, str]) -> Session:
        if seconds > role.max_session_seconds:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise StsError("ValidationError", message)
        return self.sts.open_session(role, request.session_name, seconds=seconds, tags=tags)


def error(refusal: StsError, request_id: str) -> str:
    """Give the error document that botocore turns into a `ClientError`."""
    kind = "Receiver" if refusal.status >= 500 else "Sender"
    details = _elements({"Type": kind, "Code": refusal.code, "Message": refusal.message})
    return (
        f'<ErrorResponse xmlns="{_NAMESPACE}"><Error>{details}</Error>'
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )


def _principal(caller: Session | str) -> str:
    return caller if isinstance(caller, str) else caller.role.arn


def _names(caller: Session | str) -> frozenset[tuple[str, str]]:
    """Give every name by which a policy may mean the caller: itself, its role, its account."""
    arn = caller if isinstance(caller, str) else caller.arn
    account = account_of(arn)
    names = {arn, _principal(caller), account, f"arn:{arn.split(':')[1]}:iam::{account}:root"}
    return frozenset(("AWS", name) for name in names)


def _session(session: Session) -> str:
    credentials = _elements(
        {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "SessionToken": session.token,
            "Expiration": f"{session.expiration:%Y-%m-%dT%H:%M:%SZ}",
        }
    )
    user = _elements({"AssumedRoleId": f"{session.role.id}:{session.name}", "Arn": session.arn})
    return f"<Credentials>{credentials}</Credentials><AssumedRoleUser>{user}</AssumedRoleUser>"


def _elements(texts: Mapping[str, str]) -> str:
    return "".join(f"<{tag}>{escape(text)}</{tag}>" for tag, text in texts.items())
