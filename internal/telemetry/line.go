package telemetry

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"doorward/internal/gate"
)

// maxText bounds a text of a line, in bytes: room for the stack of a panic.
const maxText = 8 << 10

// bounded is slog's ReplaceAttr: texts are at most maxText long and without
// credentials. Numbers, times and truth values stay as they are.
func bounded(_ []string, a slog.Attr) slog.Attr {
	if text, ok := textOf(a.Value); ok {
		a.Value = slog.StringValue(cut(text))
	}
	return a
}

// shown is bounded for people: what cannot be seen is marked.
func shown(groups []string, a slog.Attr) slog.Attr {
	a = bounded(groups, a)
	if a.Value.Kind() == slog.KindString {
		a.Value = slog.StringValue(gate.Visible(a.Value.String()))
	}
	return a
}

// textOf is a value that anybody may have chosen the text of.
func textOf(v slog.Value) (string, bool) {
	switch v.Kind() {
	case slog.KindString:
		return v.String(), true
	case slog.KindAny:
		if level, ok := v.Any().(slog.Level); ok {
			return level.String(), true
		}
		return fmt.Sprint(v.Any()), true
	default:
		return "", false
	}
}

// cut takes credentials out of a text and bounds it.
func cut(text string) string {
	if len(text) <= maxText {
		return withoutCredentials(text)
	}
	// What a credential is known by may stand behind the end.
	head := withoutCredentials(text[:min(len(text), 2*maxText)])
	head = strings.ToValidUTF8(head[:min(len(head), maxText)], "")
	return fmt.Sprintf("%s… (%d bytes, SHA-256 %x)", head, len(text), sha256.Sum256([]byte(text)))
}

// What a credential is known by, where an upstream, a library or a system put it into
// an error: the user information of a URL or a DSN (RFC 3986, section 3.2.1), and the
// credentials of an Authorization header (RFC 9110, section 11.4). Those that the
// gateway itself holds are taken out before, by whoever holds them.
var (
	userinfo    = regexp.MustCompile(`://[^\s/?#"']*@`)
	credentials = regexp.MustCompile(`(?i)\b(bearer|basic|dpop|token)\s+[a-z0-9._~+/-]{8,}=*`)
)

func withoutCredentials(text string) string {
	if strings.Contains(text, "://") {
		text = userinfo.ReplaceAllLiteralString(text, "://…@")
	}
	return credentials.ReplaceAllString(text, "$1 …")
}

// escaped is under slog's JSON, which escapes what JSON must not have and leaves alone
// the C1 controls, NEL, which ends lines, and bidi and zero-width characters.
type escaped struct{ w io.Writer }

// Write is given whole lines.
func (e *escaped) Write(line []byte) (int, error) {
	if _, err := e.w.Write(gate.VisibleJSON(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}
