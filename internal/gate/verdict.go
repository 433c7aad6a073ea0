package gate

import "time"

// Effect says what a stage wants done with a message. The zero value refuses,
// so that a forgotten answer is a refusal.
type Effect uint8

// The effects. There is no Allow: a call is allowed only by passing every stage.
const (
	Deny     Effect = iota // refuse
	Continue               // this stage has no objection
	Hold                   // wait for a person's yes; answered like a refusal, with an approval id
)

// Code is the stable name of a refusal, such as "tool.changed". Codes are a
// documented table (docs/reference/refusals.md) and never change meaning.
type Code string

// The refusal codes. The part before the dot names what the refusal is about.
const (
	CodeUnset              Code = ""
	CodeInternal           Code = "internal"
	CodeUnauthenticated    Code = "identity.missing"
	CodeBadCredential      Code = "identity.invalid"
	CodeExpiredCredential  Code = "identity.expired"
	CodeIdentityDown       Code = "identity.unavailable"
	CodeIdentityConflict   Code = "identity.conflict"
	CodeScope              Code = "identity.scope"
	CodeRequestKey         Code = "identity.request_key"
	CodeContained          Code = "contained.everything"
	CodeContainedAddress   Code = "contained.address"
	CodeContainedPrincipal Code = "contained.principal"
	CodeContainedKey       Code = "contained.key"
	CodeContainedTenant    Code = "contained.tenant"
	CodeContainedSession   Code = "contained.session"
	CodeContainedUpstream  Code = "contained.upstream"
	CodeContainedTool      Code = "contained.tool"
	CodeContainedDown      Code = "contained.unavailable"
	CodeBadBody            Code = "message.parse"
	CodeBadMessage         Code = "message.invalid"
	CodeTooLarge           Code = "message.too_large"
	CodeBatch              Code = "message.batch"
	CodeHeaderMismatch     Code = "message.header_mismatch"
	CodeVersion            Code = "protocol.version"
	CodeMeta               Code = "protocol.meta"
	CodeCapability         Code = "protocol.capability"
	CodeMethod             Code = "method.unknown"
	CodeMethodEra          Code = "method.era"
	CodeParams             Code = "params.invalid"
	CodeSession            Code = "session.unknown"
	CodeSessionMissing     Code = "session.missing"
	CodeSessionLimit       Code = "session.limit"
	CodeSessionDown        Code = "session.unavailable"
	CodeAnswer             Code = "answer.unexpected"
	CodeProfile            Code = "profile.unknown"
	CodeUnknownTool        Code = "tool.unknown"
	CodeHeldTool           Code = "tool.held"
	CodeChangedTool        Code = "tool.changed"
	CodeRejectedTool       Code = "tool.rejected"
	CodeFindingTool        Code = "tool.finding"
	CodeAmbiguousTool      Code = "tool.ambiguous"
	CodeBadSchema          Code = "tool.schema"
	CodeUnknownTask        Code = "task.unknown"
	CodeTaskSupport        Code = "task.unsupported"
	CodeSampling           Code = "sampling.depth"
	CodeUnknownPrompt      Code = "prompt.unknown"
	CodeHeldPrompt         Code = "prompt.held"
	CodeChangedPrompt      Code = "prompt.changed"
	CodeRejectedPrompt     Code = "prompt.rejected"
	CodeFindingPrompt      Code = "prompt.finding"
	CodeUnknownResource    Code = "resource.unknown"
	CodeHeldResource       Code = "resource.held"
	CodeChangedResource    Code = "resource.changed"
	CodeRejectedResource   Code = "resource.rejected"
	CodeFindingResource    Code = "resource.finding"
	CodeResourcePath       Code = "resource.path"
	CodeDenied             Code = "policy.denied"
	CodeApproval           Code = "approval.required"
	CodeApprovalDenied     Code = "approval.denied"
	CodeApprovalLimit      Code = "approval.limit"
	CodeApprovalDown       Code = "approval.unavailable"
	CodeApprovalUnknown    Code = "approval.unknown"
	CodeApprovalSettled    Code = "approval.settled"
	CodeFlow               Code = "flow.blocked"
	CodeFlowDown           Code = "flow.unavailable"
	CodeJudge              Code = "judge.refused"
	CodeArguments          Code = "arguments.invalid"
	CodeArgumentsRefused   Code = "arguments.refused"
	CodeSecretLeaves       Code = "arguments.secret"
	CodePersonalLeaves     Code = "arguments.personal"
	CodeResult             Code = "result.invalid"
	CodeResultRefused      Code = "result.refused"
	CodeReply              Code = "reply.invalid"
	CodeUpstreamHeld       Code = "upstream.held"
	CodeUpstreamDown       Code = "upstream.unavailable"
	CodeUpstreamSandbox    Code = "upstream.sandbox"
	CodeUpstreamEra        Code = "upstream.era"
	CodeUpstreamTimeout    Code = "upstream.timeout"
	CodeUpstreamProtocol   Code = "upstream.protocol"
	CodeUpstreamBusy       Code = "upstream.busy"
	CodeUpstreamQueue      Code = "upstream.queue"
	CodeUpstreamBreaker    Code = "upstream.breaker"
	CodeUpstreamOutcome    Code = "upstream.outcome_unknown"
	CodeLimitAddress       Code = "limit.address"
	CodeLimitRate          Code = "limit.rate"
	CodeLimitQuota         Code = "limit.quota"
	CodeLimitDown          Code = "limit.unavailable"
	CodeCancelled          Code = "exchange.cancelled"
	CodeAudit              Code = "audit.unavailable"
	CodeOverload           Code = "gateway.overload"
	CodeShuttingDown       Code = "gateway.stopping"
	CodeStageEditedRequest Code = "pipeline.edited"
)

// Verdict is a stage's answer about one message.
type Verdict struct {
	Effect Effect
	Code   Code   // stable id; required unless Effect is Continue
	Reason string // for the operator and the audit log only
	Public string // what the client may read beside the code; may be empty
	// Scopes are those that the operation needs and the token lacks, for CodeScope.
	Scopes []string
	// Approval is what a held call waits for, for Hold; or what ended it.
	Approval *Approval
	// Allowance is the budget that had too little left, for the codes that begin with limit.
	Allowance *Allowance
	// Wait is after what time to try again, where that is known and there is no Allowance.
	Wait time.Duration
	// State and Question are what a stateless client brings back with the next try of
	// a held call, and the params of the elicitation that it is asked meanwhile.
	State    string
	Question []byte
}

// Pass is the verdict of a stage without objection.
func Pass() Verdict { return Verdict{Effect: Continue} }

// Refuse is a refusal. reason is for the operator; the client reads public,
// and only the code when public is empty.
func Refuse(code Code, reason, public string) Verdict {
	return Verdict{Effect: Deny, Code: code, Reason: reason, Public: public}
}
