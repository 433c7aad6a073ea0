package form

import (
	"net/netip"
	"strconv"
	"strings"

	"doorward/internal/gate"
)

// extension is one key of a CEF extension, and its value.
type extension struct{ key, value string }

// CEF is the record in the Common Event Format (ArcSight, CEF implementation
// standard, version 0), in one line without its end. In the header \ and | are
// escaped, in the extension \ and =; what does not show as itself, a line's end
// among it, is shown by its number before.
func CEF(r *Record, version string) []byte {
	k := &r.known
	name := r.what()
	if k.Upstream != "" || k.Item != "" {
		name += " " + strings.Trim(gate.Visible(k.Upstream)+"/"+gate.Visible(k.Item), "/")
	}
	signature := k.Kind
	switch {
	case k.Code != "":
		signature = k.Code
	case k.Event != "":
		signature = k.Event
	}
	var b []byte
	b = append(b, "CEF:0|Doorward|Doorward|"...)
	for _, part := range [...]string{gate.Visible(version), gate.Visible(signature), name} {
		b = append(appendEscaped(b, part, `\|`), '|')
	}
	severity := [...]int{ordinary: 3, refused: 6, failed: 7, incident: 10} // 0 to 10, 10 the gravest
	b = strconv.AppendInt(b, int64(severity[r.level()]), 10)
	b = append(b, '|')
	first := true
	for _, e := range r.extensions() {
		if e.value == "" {
			continue
		}
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = append(append(b, e.key...), '=')
		b = appendEscaped(b, e.value, `\=`)
	}
	return b
}

// extensions are the record in CEF's own keys; what has none is in the custom ones,
// each with its label.
func (r *Record) extensions() []extension {
	k := &r.known
	all := []extension{
		{"rt", strconv.FormatInt(r.Time.UnixMilli(), 10)},
		{"externalId", strconv.FormatUint(r.Seq, 10)},
		{"deviceExternalId", gate.Visible(r.Origin)},
		{"cat", gate.Visible(k.Kind)},
		{"act", gate.Visible(k.Effect)},
		{"outcome", gate.Visible(k.Status)},
		{"reason", gate.Visible(k.Reason)},
		{"msg", gate.Visible(k.Detail)},
		{"suser", gate.Visible(r.who())},
		{"suid", gate.Visible(k.Principal.Credential)},
		{"sntdom", gate.Visible(k.Principal.Tenant)},
		{"app", gate.Visible(k.Transport)},
		{"requestClientApplication", gate.Visible(k.Agent)},
		{"in", count(k.BytesIn)},
		{"out", count(k.BytesOut)},
	}
	if at, err := netip.ParseAddr(k.Remote); err == nil {
		if at.Is4() {
			all = append(all, extension{"src", at.String()})
		} else {
			all = append(all, extension{"c6a2", at.String()}, extension{"c6a2Label", "Source IPv6 Address"})
		}
	}
	custom := func(key, label, value string) {
		if value != "" {
			all = append(all, extension{key, value}, extension{key + "Label", label})
		}
	}
	custom("cs1", "upstream", gate.Visible(k.Upstream))
	custom("cs2", "item", gate.Visible(k.Item))
	custom("cs3", "exchange", gate.Visible(k.Exchange))
	custom("cs4", "rule", gate.Visible(k.Rule))
	custom("cs5", "findings", list("", k.Findings).Text)
	custom("cs6", "digest", r.Digest())
	custom("flexString1", "approval", gate.Visible(k.Approval))
	custom("flexString2", "session", gate.Visible(k.Session))
	custom("cn1", "duration_us", count(k.Duration))
	custom("cn2", "upstream_us", count(k.UpstreamTime))
	return all
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// appendEscaped puts a backslash before every character of special.
func appendEscaped(b []byte, s, special string) []byte {
	for i := range len(s) {
		if strings.IndexByte(special, s[i]) >= 0 {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return b
}
