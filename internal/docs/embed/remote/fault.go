package remote

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"doorward/internal/docs"
	"doorward/internal/gate"
	"doorward/internal/retryafter"
)

// Bounds of what is made of an answer that is an error.
const (
	maxMessage = 300       // bytes of what it says
	maxWait    = time.Hour // that it asks for
	minEcho    = 4         // bytes that are in the key too, and are taken out of what it says
)

// reported are the errors of the APIs: {"error": {"message", "code", "status", "details"}} of
// OpenAI and Google, {"error": "…"} and {"message": "…"} of others.
type reported struct {
	Error   jsontext.Value `json:"error"`
	Message string         `json:"message"`
}

type reportedError struct {
	Message string         `json:"message"`
	Code    jsontext.Value `json:"code"` // a word of OpenAI's, a number of Google's
	Details []struct {
		RetryDelay string `json:"retryDelay"` // google.rpc.RetryInfo: "17s"
	} `json:"details"`
}

// fault is the error of an answer with another status than 200.
func fault(res *http.Response, text []byte, key gate.Secret, whose string) error {
	message, code, wait := report(text)
	said := "the embedder answered " + strconv.Itoa(res.StatusCode)
	if whose != "" && (res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden) {
		said += " to the " + whose + "'s key"
	}
	if message = clean(message, key.Reveal()); message != "" {
		said += ": " + message
	}
	err := errors.New(said)
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if code == "insufficient_quota" { // OpenAI: waiting does not help, paying does
			return err
		}
		return &docs.LaterError{After: max(wait, retryafter.Of(res.Header, time.Now(), maxWait)), Err: err}
	}
	return err
}

// report reads what an error says.
func report(text []byte) (message, code string, wait time.Duration) {
	var r reported
	if json.Unmarshal(text, &r) != nil {
		return "", "", 0
	}
	message = r.Message
	switch r.Error.Kind() {
	case '"':
		_ = json.Unmarshal(r.Error, &message) // it was read as a string already
	case '{':
		var e reportedError
		if json.Unmarshal(r.Error, &e) != nil {
			return message, "", 0
		}
		message = e.Message
		if e.Code.Kind() == '"' {
			_ = json.Unmarshal(e.Code, &code) // as above
		}
		for _, d := range e.Details {
			if after, err := time.ParseDuration(d.RetryDelay); err == nil {
				wait = max(0, min(after, maxWait))
			}
		}
	default: // there is no more than the message
	}
	return message, code, wait
}

// clean takes out of a message whatever may be of the key, plain or encoded, whole or in
// part, and what is no text for a log; and cuts it.
func clean(message, key string) string {
	message = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(message, ""))
	if key != "" {
		raw := []byte(key)
		for _, form := range []string{
			key, url.QueryEscape(key), url.PathEscape(key),
			base64.RawStdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw), fmt.Sprintf("%x", raw), fmt.Sprintf("%X", raw),
		} {
			message = without(message, form)
		}
	}
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return message
}

// without puts [secret] in the place of each run of minEcho bytes and more that is also
// in the key. A shorter key is taken out whole.
func without(message, key string) string {
	least := min(minEcho, len(key))
	var b strings.Builder
	for i := 0; i < len(message); {
		end := i
		for j := i + least; j <= len(message) && strings.Contains(key, message[i:j]); j++ {
			end = j
		}
		if end == i {
			b.WriteByte(message[i])
			i++
			continue
		}
		b.WriteString("[secret]")
		i = end
	}
	return b.String()
}
