package mcp

import (
	"fmt"
	"net/http"
	"strings"

	"doorward/internal/gate"
)

// Detect tells the era of a client's message and the version that it claims:
// by the version header and by _meta over HTTP, by _meta alone on stdio, where
// h is nil. decode calls it.
//
// In the stateless era the version is the message's own. In the stateful era
// it is what the header says, or empty: the session knows the negotiated one.
// A message that says both, or says one thing twice, is refused: whatever
// stands before Doorward may have believed the other half.
func Detect(h http.Header, m *gate.Message) (gate.Era, string, gate.Verdict) {
	header, v := versionHeader(h)
	if v.Effect != gate.Continue {
		return gate.NoEra, "", v
	}
	meta, inBody, v := versionMeta(m)
	if v.Effect != gate.Continue {
		return gate.NoEra, "", v
	}
	switch {
	case inBody && h != nil && header == "":
		return gate.NoEra, "", mismatch("_meta names a version and there is no "+HeaderVersion+" header",
			"the MCP-Protocol-Version header is missing; it must repeat _meta")
	case inBody && h != nil && header != meta:
		return gate.NoEra, "", mismatch("the version header differs from _meta",
			"the MCP-Protocol-Version header differs from _meta")
	case inBody && EraOf(meta) != gate.Stateless:
		return gate.NoEra, "", badVersion(meta)
	case header != "" && !Known(header):
		return gate.NoEra, "", badVersion(header)
	case inBody:
		return gate.Stateless, meta, CheckMeta(m)
	case EraOf(header) != gate.Stateless:
		return gate.Stateful, header, gate.Pass()
	case m.Kind == gate.Request && m.Method == "initialize":
		return gate.NoEra, "", mismatch("initialize with the version header of an era that has no handshake",
			"initialize belongs to revisions before 2026-07-28; send it without that MCP-Protocol-Version header")
	case m.Kind == gate.Request:
		return gate.NoEra, "", gate.Refuse(gate.CodeMeta, "the version header is stateless and _meta has no version",
			"params._meta must have "+MetaVersion+" and "+MetaCapabilities)
	}
	return gate.Stateless, header, gate.Pass()
}

// VersionHeader reads MCP-Protocol-Version where there is no body to compare
// it with (GET, DELETE, batches): empty when absent, refused when it is
// repeated or names no revision.
func VersionHeader(h http.Header) (string, gate.Verdict) {
	version, v := versionHeader(h)
	if v.Effect == gate.Continue && version != "" && !Known(version) {
		v = badVersion(version)
	}
	return version, v
}

func versionHeader(h http.Header) (string, gate.Verdict) {
	version, n := single(h, HeaderVersion)
	if n > 1 || strings.Contains(version, ",") {
		return "", mismatch("the version header is repeated", "more than one MCP-Protocol-Version header")
	}
	if n == 1 && version == "" {
		return "", badVersion("")
	}
	return version, gate.Pass()
}

// versionMeta reads the version from the _meta of a request or notification.
func versionMeta(m *gate.Message) (version string, present bool, v gate.Verdict) {
	if m.Final() {
		return "", false, gate.Pass()
	}
	at, ok := m.MetaField(MetaVersion)
	if !ok {
		return "", false, gate.Pass()
	}
	if version, ok = unquote(m.Bytes(at)); !ok {
		return "", true, badMeta(MetaVersion, "is not a string")
	}
	return version, true, gate.Pass()
}

// CheckMeta judges the rest of what a stateless request carries in _meta
// (2026-07-28, basic, request metadata). A notification needs none of it.
func CheckMeta(m *gate.Message) gate.Verdict {
	if at, ok := m.MetaField(MetaProgress); ok && !isToken(m.Bytes(at)) {
		return badMeta(MetaProgress, "is neither a string nor an integer")
	}
	if at, ok := m.MetaField(MetaClientInfo); ok && !isObject(m.Bytes(at)) {
		return badMeta(MetaClientInfo, "is not an object")
	}
	if at, ok := m.MetaField(MetaLogLevel); ok {
		if level, text := unquote(m.Bytes(at)); !text || !isLevel(level) {
			return badMeta(MetaLogLevel, "is no log level")
		}
	}
	at, ok := m.MetaField(MetaCapabilities)
	if m.Kind == gate.Request && !ok {
		return badMeta(MetaCapabilities, "is missing")
	}
	if ok && !isObject(m.Bytes(at)) {
		return badMeta(MetaCapabilities, "is not an object")
	}
	return gate.Pass()
}

// CheckProgress refuses a progress token that is neither a string nor an
// integer, in either era.
func CheckProgress(m *gate.Message) gate.Verdict {
	if at, ok := m.MetaField(MetaProgress); ok && !m.Final() && !isToken(m.Bytes(at)) {
		return gate.Refuse(gate.CodeParams, "progress token is neither a string nor an integer",
			"params._meta.progressToken must be a string or an integer")
	}
	return gate.Pass()
}

// CheckLevel refuses a logging/setLevel without one of MCP's levels.
func CheckLevel(r gate.Route, m *gate.Message) gate.Verdict {
	if r.Action != gate.Fan {
		return gate.Pass()
	}
	at, _ := m.Field("level")
	if level, text := unquote(m.Bytes(at)); !text || !isLevel(level) {
		return gate.Refuse(gate.CodeParams, "no known log level", "params.level must be one of debug, info, notice, warning, error, critical, alert, emergency")
	}
	return gate.Pass()
}

func badMeta(key, why string) gate.Verdict {
	text := "_meta " + key + " " + why
	return gate.Refuse(gate.CodeMeta, text, "params."+text)
}

func badVersion(version string) gate.Verdict {
	return gate.Refuse(gate.CodeVersion, fmt.Sprintf("unsupported protocol version %.40q", version),
		"this protocol version is not supported; supported: "+strings.Join(Versions(gate.NoEra), ", "))
}

func mismatch(reason, public string) gate.Verdict {
	return gate.Refuse(gate.CodeHeaderMismatch, reason, public)
}

// single returns the one value of a header without the white space around it
// (RFC 9110 section 5.5), and how often the header is there.
func single(h http.Header, name string) (string, int) {
	values := h.Values(name)
	if len(values) == 0 {
		return "", 0
	}
	return strings.Trim(values[0], " \t"), len(values)
}
