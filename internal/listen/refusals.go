package listen

import (
	"slices"

	"doorward/internal/gate"
	"doorward/internal/mcp"
)

// The refusals of requests that are turned away before they become an exchange,
// of GET streams, and of connections that are sessions. They are Doorward's own, like those of gate.
const (
	codeAddressLimit gate.Code = "http.address_limit"
	codeFraming      gate.Code = "http.framing"
	codeForwarded    gate.Code = "http.forwarded"
	codeRequestKey   gate.Code = "http.request_key"
	codeTarget       gate.Code = "http.target"
	codePath         gate.Code = "http.path"
	codeMethod       gate.Code = "http.method"
	codeHost         gate.Code = "http.host"
	codeOrigin       gate.Code = "http.origin"
	codeAddress      gate.Code = "http.address"
	codeAccept       gate.Code = "http.accept"
	codeContentType  gate.Code = "http.content_type"
	codeEncoding     gate.Code = "http.content_encoding"
	codeHeaders      gate.Code = "http.headers"
	codeStream       gate.Code = "stream.unknown"
	codeStreamTaken  gate.Code = "stream.taken"
	codeBusy         gate.Code = "stream.busy"
	codeUpgrade      gate.Code = "http.upgrade"
	codeHandshake    gate.Code = "http.handshake"
	codeSubprotocol  gate.Code = "http.subprotocol"
)

// Doorward's own JSON-RPC codes are positive: MCP reserves −32768 to −32000 and
// leaves the rest free (2026-07-28, error codes). They read like HTTP's, with a
// digit more.
const (
	rpcTurned      = 4000 // the HTTP request was wrong
	rpcIdentity    = 4010
	rpcDenied      = 4030
	rpcHeld        = 4031
	rpcSession     = 4040
	rpcLimit       = 4290
	rpcInternal    = 5000
	rpcBadUpstream = 5020
	rpcUnavailable = 5030
	rpcTimeout     = 5040
	rpcCancelled   = 4990
)

// RefusalRow is how one refusal reads to a client.
type RefusalRow struct {
	Code      gate.Code
	JSONRPC   int    // error code; where the revision has another, the row's text says so
	HTTP      int    // status in the stateful era, and before the era is known
	Stateless int    // status in the stateless era
	Text      string // the message, when the verdict has none for the client
}

// told is the status of a JSON-RPC error about a call that was understood: a
// client must read the error, and not take it for a broken transport.
const told = 200

// refusals is the one table code → JSON-RPC code → HTTP status. A code without a
// row is rendered as internal.
//
//nolint:gochecknoglobals // a table; read-only
var refusals = [...]RefusalRow{
	{gate.CodeInternal, rpcInternal, told, told, "internal error"},
	{gate.CodeUnauthenticated, rpcIdentity, 401, 401, "sign in first: send your key as Authorization: Bearer KEY"},
	{gate.CodeBadCredential, rpcIdentity, 401, 401, "the credential is not valid"},
	{gate.CodeExpiredCredential, rpcIdentity, 401, 401, "the credential is not valid"}, // these two read as identity.invalid: shown
	{gate.CodeIdentityConflict, rpcIdentity, 401, 401, "the credential is not valid"},
	{gate.CodeScope, rpcDenied, 403, 403, "the access token lacks a scope that this needs"},
	{gate.CodeContained, rpcUnavailable, 503, 503, "this gateway's operator has suspended all access"},
	{gate.CodeContainedAddress, rpcDenied, 403, 403, "this gateway's operator has suspended access from this address"},
	{gate.CodeContainedPrincipal, rpcDenied, 403, 403, "this gateway's operator has suspended your access"},
	{gate.CodeContainedKey, rpcDenied, 403, 403, "this gateway's operator has suspended this key"},
	{gate.CodeContainedTenant, rpcDenied, 403, 403, "this gateway's operator has suspended the access of your organisation"},
	{gate.CodeContainedSession, rpcDenied, 403, 403, "this gateway's operator has suspended this session"},
	{gate.CodeContainedUpstream, rpcDenied, told, told, "this gateway's operator has suspended the upstream"},
	{gate.CodeContainedTool, rpcDenied, told, told, "this gateway's operator has suspended this"},
	{gate.CodeContainedDown, rpcUnavailable, 503, 503, "it cannot be looked up now what is suspended, so nothing is carried out: try again later"},
	{gate.CodeRequestKey, rpcDenied, told, told, "send your own key for the upstream, in the header that this gateway's operator names"},
	{gate.CodeIdentityDown, rpcUnavailable, 503, 503, "credentials cannot be judged now: try again later"},
	{gate.CodeBadBody, mcp.CodeParseError, 400, 400, "the body is not JSON in UTF-8"},
	{gate.CodeBadMessage, mcp.CodeInvalidRequest, 400, 400, "the body is not a JSON-RPC message that MCP allows"},
	{gate.CodeTooLarge, mcp.CodeInvalidRequest, 413, 413, "the message is larger than this gateway takes"},
	{gate.CodeBatch, mcp.CodeInvalidRequest, 400, 400, "batches exist in protocol version 2025-03-26 only: send one message per request"},
	{gate.CodeHeaderMismatch, mcp.CodeHeaderMismatch, 400, 400, "the headers do not agree with the body"},
	{gate.CodeVersion, mcp.CodeUnsupportedVersion, 400, 400, "the protocol version is not supported"},
	{gate.CodeMeta, mcp.CodeInvalidParams, 400, 400, "params._meta lacks what this protocol version requires"},
	{gate.CodeCapability, mcp.CodeMissingCapability, 400, 400, "the request needs a capability that the client did not declare"},
	{gate.CodeMethod, mcp.CodeMethodNotFound, told, 404, "unknown method"},
	{gate.CodeMethodEra, mcp.CodeMethodNotFound, told, 404, "this protocol version does not have the method"},
	{gate.CodeParams, mcp.CodeInvalidParams, told, 400, "the params are not valid"},
	{gate.CodeSession, rpcSession, 404, 404, "unknown session: start again with initialize"},
	{gate.CodeSessionMissing, mcp.CodeInvalidRequest, 400, 400, "send initialize first, and then its Mcp-Session-Id"},
	{gate.CodeSessionLimit, rpcLimit, 429, 429, "too many sessions are open"},
	{gate.CodeSessionDown, rpcUnavailable, 503, 503, "it cannot be looked up now whether the session goes on, so nothing is carried out: try again later"},
	{gate.CodeAnswer, mcp.CodeInvalidRequest, 400, 400, "nobody is waiting for this response"},
	{gate.CodeProfile, rpcSession, 404, 404, "there is no such profile"},
	{gate.CodeUnknownTool, mcp.CodeInvalidParams, told, told, "unknown tool"},
	{gate.CodeHeldTool, rpcHeld, told, told, "the tool waits for approval by this gateway's operator"},
	{gate.CodeChangedTool, rpcHeld, told, told, "the tool has changed since it was approved, and waits for approval by this gateway's operator"},
	{gate.CodeRejectedTool, rpcDenied, told, told, "this gateway's operator has rejected the tool"},
	{gate.CodeFindingTool, rpcHeld, told, told, "something was found in the tool that blocks it, until this gateway's operator accepts it"},
	{gate.CodeAmbiguousTool, rpcDenied, told, told, "more than one upstream offers a tool of this name"},
	{gate.CodeBadSchema, rpcDenied, told, told, "the tool's schema cannot be enforced"},
	{gate.CodeUnknownTask, mcp.CodeInvalidParams, told, told, "no such task"},
	{gate.CodeTaskSupport, mcp.CodeMethodNotFound, told, 404, "this cannot be called in this way: some tools run as a task only, and some never as one"},
	{gate.CodeSampling, rpcLimit, told, told, "calls that led to one another wait for an answer of your model, and this would be one too many: answer them without it"},
	{gate.CodeUnknownPrompt, mcp.CodeInvalidParams, told, told, "unknown prompt"},
	{gate.CodeHeldPrompt, rpcHeld, told, told, "the prompt waits for approval by this gateway's operator"},
	{gate.CodeChangedPrompt, rpcHeld, told, told, "the prompt has changed since it was approved, and waits for approval by this gateway's operator"},
	{gate.CodeRejectedPrompt, rpcDenied, told, told, "this gateway's operator has rejected the prompt"},
	{gate.CodeFindingPrompt, rpcHeld, told, told, "something was found in the prompt that blocks it, until this gateway's operator accepts it"},
	{gate.CodeUnknownResource, mcp.CodeResourceNotFound, told, told, "unknown resource"}, // −32602 in 2026-07-28
	{gate.CodeHeldResource, rpcHeld, told, told, "the resource waits for approval by this gateway's operator"},
	{gate.CodeChangedResource, rpcHeld, told, told, "the resource has changed since it was approved, and waits for approval by this gateway's operator"},
	{gate.CodeRejectedResource, rpcDenied, told, told, "this gateway's operator has rejected the resource"},
	{gate.CodeFindingResource, rpcHeld, told, told, "something was found in the resource that blocks it, until this gateway's operator accepts it"},
	{gate.CodeResourcePath, mcp.CodeInvalidParams, told, told, "the resource's URI is not in its plainest form"},
	{gate.CodeDenied, rpcDenied, told, told, "the policy does not allow this"},
	{gate.CodeApproval, rpcHeld, told, told, "people must approve this call first: send it again, unchanged, once they have"},
	{gate.CodeApprovalDenied, rpcDenied, told, told, "the call was not approved"},
	{gate.CodeApprovalLimit, rpcLimit, told, told, "too many calls wait for approval already"},
	{gate.CodeApprovalDown, rpcUnavailable, told, told, "approvals cannot be looked up now, so nothing is carried out: try again later"},
	{gate.CodeApprovalUnknown, rpcSession, 404, 404, "there is no such approval for you to decide about"},
	{gate.CodeApprovalSettled, rpcTurned, 409, 409, "this decision cannot be made any more: look at how the approval stands"},
	{gate.CodeFlow, rpcDenied, told, told, "what was read in this conversation may not go where this call would take it"},
	{gate.CodeFlowDown, rpcUnavailable, told, told, "it cannot be looked up now what was read in this conversation, so nothing is carried out: try again later"},
	{gate.CodeJudge, rpcDenied, told, told, "the call was not approved"},
	{gate.CodeArgumentsRefused, rpcDenied, 400, 400, "the policy does not allow these arguments"},
	{gate.CodeSecretLeaves, rpcDenied, told, told, "the arguments hold a credential"},
	{gate.CodePersonalLeaves, rpcDenied, told, told, "the arguments hold personal data"},
	{gate.CodeArguments, mcp.CodeInvalidParams, told, told, "the arguments do not fit the approved schema"}, // a tool error since 2025-11-25
	{gate.CodeResult, rpcBadUpstream, told, told, "the result does not fit the approved schema"},
	{gate.CodeResultRefused, rpcBadUpstream, told, told, "the result holds what this gateway does not pass on"},
	{gate.CodeReply, rpcBadUpstream, told, told, "the upstream's answer is not one that MCP allows"},
	{gate.CodeUpstreamHeld, rpcHeld, told, told, "the upstream waits for approval by this gateway's operator"},
	{gate.CodeUpstreamDown, rpcUnavailable, told, told, "the upstream is not available"},
	{gate.CodeUpstreamSandbox, rpcUnavailable, told, told, "the upstream is not started, as it cannot be confined"},
	{gate.CodeUpstreamEra, rpcUnavailable, told, told, "the upstream speaks no protocol version that Doorward knows"},
	{gate.CodeUpstreamTimeout, rpcTimeout, told, told, "the upstream did not answer in time"},
	{gate.CodeUpstreamProtocol, rpcBadUpstream, told, told, "the upstream broke the protocol"},
	{gate.CodeUpstreamBusy, rpcUnavailable, told, told, "the upstream is busy: try again later"},
	{gate.CodeUpstreamQueue, rpcUnavailable, 503, 503, "too many calls wait for the upstream, so nothing was sent to it: try again later"},
	{gate.CodeUpstreamBreaker, rpcUnavailable, told, told, "the upstream has failed again and again, so nothing was sent to it: try again later"},
	{gate.CodeUpstreamOutcome, rpcUnavailable, told, told, "the upstream failed during the call, which may have been carried out: look before you make it again"},
	{gate.CodeLimitAddress, rpcLimit, 429, 429, "too many requests come from this address: try again later"},
	{gate.CodeLimitRate, rpcLimit, 429, 429, "too much was asked for: try again later"},
	{gate.CodeLimitQuota, rpcLimit, 429, 429, "a quota is spent: try again later"},
	{gate.CodeLimitDown, rpcUnavailable, 503, 503, "it cannot be looked up now what is left of limits, so nothing is carried out: try again later"},
	{gate.CodeCancelled, rpcCancelled, told, told, "cancelled"},
	{gate.CodeAudit, rpcUnavailable, told, told, "the audit log cannot be written, so nothing is carried out"},
	{gate.CodeOverload, rpcUnavailable, 503, 503, "this gateway has as much under way as it can bear, so nothing was carried out: try again later"},
	{gate.CodeShuttingDown, rpcUnavailable, 503, 503, "the gateway is stopping: connect again"},
	{gate.CodeStageEditedRequest, rpcInternal, told, told, "internal error"},
	{codeAddressLimit, rpcLimit, 429, 429, "too many connections are open from this address: close one, or try again later"},
	{codeFraming, rpcTurned, 400, 400, "say in one way where the request ends: one Content-Length, or Transfer-Encoding: chunked in HTTP/1.1"},
	{codeForwarded, rpcTurned, 400, 400, "a trusted proxy said something else than addresses in X-Forwarded-For or Forwarded, or something different in each"},
	{codeRequestKey, rpcTurned, 400, 400, "a header for a client's own key must be there once, with visible ASCII characters alone"},
	{codeTarget, rpcTurned, 400, 400, "send the path alone in the request line, and one Host header"},
	{codePath, rpcTurned, 404, 404, "there is nothing here"},
	{codeMethod, rpcTurned, 405, 405, "this HTTP method does nothing here"},
	{codeHost, rpcTurned, 403, 403, "this Host is not allowed: add it to listen.allowed_hosts, or set listen.public_url"},
	{codeOrigin, rpcTurned, 403, 403, "this Origin is not allowed: add it to listen.allowed_origins"},
	{codeAddress, rpcTurned, 403, 403, "this address is not allowed"},
	{codeAccept, rpcTurned, 406, 406, "send Accept: application/json, text/event-stream"},
	{codeContentType, rpcTurned, 415, 415, "send Content-Type: application/json, once, in UTF-8"},
	{codeEncoding, rpcTurned, 415, 415, "send the body without Content-Encoding"},
	{codeHeaders, rpcTurned, 431, 431, "too many headers"},
	{codeStream, rpcSession, 404, 404, "this Last-Event-ID is not one of this session's: GET again without it"},
	{codeStreamTaken, rpcTurned, 409, 409, "the session has a stream already: close it, or resume it with Last-Event-ID"},
	{codeBusy, rpcLimit, 429, 429, "too many of this stream's messages are under way: wait for an answer"},
	{codeUpgrade, rpcTurned, 426, 426, "open a WebSocket here, over HTTP/1.1"},
	{codeHandshake, rpcTurned, 400, 400, "send a WebSocket handshake: no body, and one Sec-WebSocket-Key of 16 bytes"},
	{codeSubprotocol, rpcTurned, 400, 400, "offer the WebSocket subprotocol mcp, or none"},
}

// Refusals is the table of everything a client can be refused with, for the
// reference documentation.
func Refusals() []RefusalRow { return slices.Clone(refusals[:]) }

// shown is the code that a client reads. Whether a credential has expired, is
// unknown, or contradicts another is nothing that a guess may find out (AUT-01,
// AUT-45); the record has it.
func shown(code gate.Code) gate.Code {
	if code == gate.CodeExpiredCredential || code == gate.CodeIdentityConflict {
		return gate.CodeBadCredential
	}
	return code
}

// rowOf is the row of code, or that of internal.
func rowOf(code gate.Code) RefusalRow {
	for i := range refusals {
		if refusals[i].Code == code {
			return refusals[i]
		}
	}
	return refusals[0]
}
