package admin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"
)

// maxBody bounds a request to the API: room for 50,000 references.
const maxBody = 16 << 20

// bodyWithin is how long a request's body may take.
const bodyWithin = 30 * time.Second

// readBody takes a request's body into memory, within its bounds, so that a route waits for
// nobody who sends. What is done then may take longer.
func readBody(w http.ResponseWriter, r *http.Request, within time.Duration) error {
	c := http.NewResponseController(w)
	if err := c.SetReadDeadline(time.Now().Add(within)); err != nil && !errors.Is(err, http.ErrNotSupported) { // not a connection
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fmt.Errorf("the request body has more than %d bytes", maxBody)
	}
	if err != nil {
		return err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := c.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// strictly decodes a body as encoding/json has written it. What another reader could read as
// something else is an error: a name that is unknown, that stands twice or in another case,
// text that is no UTF-8, and anything after the value.
func strictly(body io.Reader, into any) error {
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	return json.Unmarshal(content, into, v1.DefaultOptionsV1(), jsontext.AllowDuplicateNames(false), jsontext.AllowInvalidUTF8(false),
		json.MatchCaseInsensitiveNames(false), json.RejectUnknownMembers(true))
}
