package audit

import (
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"doorward/internal/gate"
)

// gaps says where the committer fills in what only it knows: the line's place
// in the chain. Offsets are from the start of the line.
type gaps struct{ prev, seq int }

// appendRecord appends r in canonical form: RFC 8785 (sorted keys, no spaces,
// integers), narrowed to printable ASCII. What is not printable ASCII is
// escaped, so a line means the same to every reader, terminal and version of
// Unicode, and no text can imitate a line's end, a quote or a bidi control. A
// zero Seq leaves its gap empty.
func appendRecord(b []byte, r *Record) ([]byte, gaps) {
	var g gaps
	start := len(b)
	b = append(b, '{')
	b = appendText(b, `"actor":`, r.Actor)
	b = appendText(b, `"agent":`, r.Agent)
	b = appendText(b, `"approval":`, r.Approval)
	b = appendHex(b, `"arguments":`, r.Arguments[:])
	b = appendInt(b, `"asks":`, r.Asks)
	b = appendInt(b, `"bytes_in":`, r.BytesIn)
	b = appendInt(b, `"bytes_out":`, r.BytesOut)
	b = appendText(b, `"cached":`, r.Cached)
	b = appendText(b, `"code":`, r.Code)
	b = appendText(b, `"detail":`, r.Detail)
	b = appendInt(b, `"duration_us":`, r.Duration.Microseconds())
	b = appendText(b, `"effect":`, r.Effect)
	b = appendText(b, `"era":`, r.Era)
	b = appendText(b, `"event":`, r.Event)
	b = appendText(b, `"exchange":`, r.Exchange)
	b = appendFields(b, r.Fields)
	b = appendTexts(b, `"findings":`, r.Findings)
	b = appendInt(b, `"format":`, int64(r.Format))
	b = appendText(b, `"id":`, r.ID)
	b = appendText(b, `"item":`, r.Item)
	b = appendText(b, `"item_kind":`, r.ItemKind)
	b = appendHex(b, `"key":`, r.Key[:])
	b = appendText(b, `"kind":`, r.Kind)
	b = appendText(b, `"method":`, r.Method)
	b = appendInt(b, `"notifications":`, r.Notifications)
	b = appendTexts(b, `"observed":`, r.Observed)
	b = appendText(b, `"origin":`, r.Origin)
	b = appendHex(b, `"parent_span":`, r.Parent[:])
	b = appendBytes(b, `"person":`, r.Person)
	b = appendHex(b, `"pin":`, r.Pin[:])
	if r.Plain != nil {
		b = appendQuoted(append(b, `"plain":`...), string(r.Plain))
	}
	b = appendText(b, `"policy":`, r.Policy)
	b = append(b, `"prev":"`...)
	g.prev = len(b) - start
	b = hex.AppendEncode(b, r.Prev[:])
	b = append(b, `",`...)
	b = appendPrincipal(b, r)
	b = appendText(b, `"profile":`, r.Profile)
	b = appendText(b, `"reason":`, r.Reason)
	b = appendAddr(b, r.Remote)
	b = appendText(b, `"request":`, r.Request)
	b = appendText(b, `"role":`, r.Role)
	b = appendText(b, `"rule":`, r.Rule)
	b = appendBytes(b, `"sealed":`, r.Sealed)
	b = append(b, `"seq":`...)
	g.seq = len(b) - start
	if r.Seq != 0 {
		b = strconv.AppendUint(b, r.Seq, 10)
	}
	b = append(b, ',')
	b = appendHex(b, `"session":`, r.Session[:])
	b = appendText(b, `"signer":`, r.Signer)
	b = appendHex(b, `"span":`, r.Span[:])
	b = appendText(b, `"stage":`, r.Stage)
	b = appendStages(b, r.Stages)
	b = appendText(b, `"status":`, r.Status)
	b = append(b, `"time":"`...)
	b = appendTime(b, r.Time)
	b = append(b, `",`...)
	b = appendHex(b, `"trace":`, r.Trace[:])
	b = appendText(b, `"transport":`, r.Transport)
	b = appendTexts(b, `"unavailable":`, r.Unavailable)
	b = appendText(b, `"upstream":`, r.Upstream)
	b = appendInt(b, `"upstream_us":`, r.UpstreamTime.Microseconds())
	b = appendTexts(b, `"weaker":`, r.Weaker)
	b[len(b)-1] = '}' // in place of the last comma; "time" is always there
	return b, g
}

func appendPrincipal(b []byte, r *Record) []byte {
	p := &r.Principal
	from := len(b)
	b = append(b, `"principal":{`...)
	empty := len(b)
	b = appendActors(b, r.Act)
	b = appendText(b, `"client":`, p.Client)
	b = appendText(b, `"credential":`, p.Credential)
	b = appendTexts(b, `"groups":`, r.Groups)
	b = appendText(b, `"issuer":`, p.Issuer)
	b = appendText(b, `"method":`, p.Method)
	b = appendTexts(b, `"roles":`, r.Roles)
	b = appendTexts(b, `"scopes":`, r.Scopes)
	b = appendText(b, `"subject":`, p.Subject)
	b = appendText(b, `"tenant":`, p.Tenant)
	if len(b) == empty {
		return b[:from]
	}
	b[len(b)-1] = '}'
	return append(b, ',')
}

// appendActors appends a chain of actors; an empty one is absent.
func appendActors(b []byte, all []gate.Actor) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, `"act":[`...)
	for i := range all {
		b = append(b, '{')
		b = appendText(b, `"client":`, all[i].Client)
		b = appendText(b, `"issuer":`, all[i].Issuer)
		b = appendText(b, `"subject":`, all[i].Subject)
		b = closed(b, '{', '}')
	}
	return closed(b, '[', ']')
}

// closed ends an object or array in place of its last comma, and appends one.
func closed(b []byte, begin, end byte) []byte {
	if b[len(b)-1] == begin {
		return append(b, end, ',')
	}
	b[len(b)-1] = end
	return append(b, ',')
}

// appendStages appends the times of stages, which are sorted.
func appendStages(b []byte, all []gate.StageTime) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, `"stages_us":{`...)
	for i := range all {
		b = appendQuoted(b, all[i].Name)
		b[len(b)-1] = ':' // in place of the comma
		b = strconv.AppendInt(b, all[i].Time.Microseconds(), 10)
		b = append(b, ',')
	}
	return closed(b, '{', '}')
}

// appendFields appends what is kept of single arguments, which are sorted.
func appendFields(b []byte, all []Kept) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(b, `"fields":{`...)
	for i := range all {
		b = appendQuoted(b, all[i].Path)
		b[len(b)-1] = ':' // in place of the comma
		b = append(b, '{')
		b = appendText(b, `"as":`, all[i].As)
		b = appendText(b, `"value":`, all[i].Value)
		b = closed(b, '{', '}')
	}
	return closed(b, '{', '}')
}

func appendAddr(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	b = append(b, `"remote":"`...)
	b = a.WithZone("").AppendTo(b)
	return append(b, `",`...)
}

func appendInt(b []byte, key string, n int64) []byte {
	if n <= 0 {
		return b
	}
	b = append(b, key...)
	b = strconv.AppendInt(b, min(n, maxNumber), 10)
	return append(b, ',')
}

func appendHex(b []byte, key string, sum []byte) []byte {
	var bits byte
	for _, c := range sum {
		bits |= c
	}
	if bits == 0 {
		return b
	}
	b = append(b, key...)
	b = append(b, '"')
	b = hex.AppendEncode(b, sum)
	return append(b, `",`...)
}

// appendBytes appends bytes in base64 without padding (RFC 4648 §4).
func appendBytes(b []byte, key string, raw []byte) []byte {
	if len(raw) == 0 {
		return b
	}
	b = append(append(b, key...), '"')
	b = base64.RawStdEncoding.AppendEncode(b, raw)
	return append(b, `",`...)
}

// appendTexts appends an array of texts; an empty one is absent.
func appendTexts(b []byte, key string, all []string) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(append(b, key...), '[')
	for _, s := range all {
		b = appendQuoted(b, s)
	}
	b[len(b)-1] = ']'
	return append(b, ',')
}

func appendText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return appendQuoted(append(b, key...), s)
}

// appendQuoted appends s as a JSON string, and a comma.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < 0x7f && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		n := 1
		b, n = appendEscape(b, s[i:])
		i += n
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, `",`...)
}

// appendEscape escapes the first character of s as RFC 8785 §3.2.2.2 does, and
// everything beyond ASCII as UTF-16. What is not UTF-8 becomes U+FFFD.
func appendEscape(b []byte, s string) ([]byte, int) {
	switch s[0] {
	case '"', '\\':
		return append(b, '\\', s[0]), 1
	case '\b':
		return append(b, `\b`...), 1
	case '\t':
		return append(b, `\t`...), 1
	case '\n':
		return append(b, `\n`...), 1
	case '\f':
		return append(b, `\f`...), 1
	case '\r':
		return append(b, `\r`...), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r > 0xffff {
		r -= 0x10000
		b = appendUnit(b, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return appendUnit(b, r), n
}

func appendUnit(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// appendTime appends RFC 3339 in UTC with nine decimals, always 30 bytes. A year
// that has not four digits is brought to the nearest that has.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = appendDigits(b, min(max(year, 0), 9999), 4)
	b = appendDigits(append(b, '-'), int(month), 2)
	b = appendDigits(append(b, '-'), day, 2)
	b = appendDigits(append(b, 'T'), hour, 2)
	b = appendDigits(append(b, ':'), minute, 2)
	b = appendDigits(append(b, ':'), second, 2)
	b = appendDigits(append(b, '.'), t.Nanosecond(), 9)
	return append(b, 'Z')
}

func appendDigits(b []byte, n, width int) []byte {
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}
