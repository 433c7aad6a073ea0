package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of one answer, in bytes.
const maxAnswer = 32 << 20

// errForeign is the answer to another request, or to none. It ends a run.
var errForeign = errors.New("an answer came that belongs to another request")

// errGone is what a server says of a session that it does not have: a client makes a new one
// (MCP 2025-11-25, Transports, "Session Management").
var errGone = errors.New("the session is gone")

// failure is an operation without a result, under the name that it is counted by.
type failure struct {
	name string
	text string
}

func (f *failure) Error() string { return f.name + ": " + f.text }

// message is a JSON-RPC message as far as a load looks into it.
type message struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Result *struct {
		IsError bool `json:"isError"`
	} `json:"result"`
	Error *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    struct {
			Code string `json:"code"`
		} `json:"data"`
	} `json:"error"`
}

// read takes the answer to a request out of a response. It leaves what comes of a stream after it.
func read(res *http.Response, id string, session bool) error {
	body := io.LimitReader(res.Body, maxAnswer)
	m, err := answerIn(res, body)
	switch {
	case err != nil:
		return err
	case res.StatusCode == http.StatusNotFound && session:
		return errGone
	case m == nil:
		return &failure{fmt.Sprintf("http %d", res.StatusCode), "no message"}
	case string(m.ID) != id && (m.Error == nil || len(m.ID) > 0 && string(m.ID) != "null"):
		return fmt.Errorf("%w: asked with id %s, answered %.80q", errForeign, id, m.ID)
	case m.Error != nil:
		return m.failure()
	case res.StatusCode != http.StatusOK:
		return &failure{fmt.Sprintf("http %d", res.StatusCode), "a result with this status"}
	case m.Result == nil:
		return &failure{"no result", "neither a result nor an error"}
	case m.Result.IsError:
		return &failure{"tool error", "the tool failed"}
	}
	return nil
}

// answerIn is the message of a response, or of an event stream the first that answers: what
// comes before it are notifications and questions, which a load leaves open. Nil is none.
func answerIn(res *http.Response, body io.Reader) (*message, error) {
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		raw, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		return parse(raw), nil
	}
	lines := bufio.NewReader(body)
	var data []byte
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return nil, &failure{"stream ended", "before the answer"}
		}
		line = bytes.TrimRight(line, "\r\n")
		if more, is := bytes.CutPrefix(line, []byte("data:")); is {
			data = append(data, more...)
			continue
		}
		if len(line) > 0 {
			continue
		}
		if m := parse(data); m != nil && m.Method == "" {
			return m, nil
		}
		data = data[:0]
	}
}

func parse(raw []byte) *message {
	var m message
	if json.Unmarshal(raw, &m) != nil || m.Method == "" && m.Result == nil && m.Error == nil {
		return nil
	}
	return &m
}

// failure is an error that was answered, under Doorward's stable code where it has one.
func (m *message) failure() error {
	name := m.Error.Data.Code
	if name == "" {
		name = fmt.Sprintf("error %d", m.Error.Code)
	}
	return &failure{name, m.Error.Message}
}
