package qdrant

import (
	"context"
	"net/http"
	"net/url"

	"doorward/internal/docs/rest"
)

// Place is where Qdrant answers, and how it is reached.
type Place = rest.Place

// client asks Qdrant.
type client struct{ rest *rest.Client }

func newClient(s Place) (*client, error) {
	c, err := rest.New("Qdrant", s, nil)
	if err != nil {
		return nil, err
	}
	return &client{c}, nil
}

// errAbsent is that of a collection or an alias that is not there.
var errAbsent = rest.ErrAbsent

// call is one request: what it is for, in words, and where it goes.
type call struct {
	doing, method string
	path          []string // below the URL, not escaped
	wait          bool     // until what is written can be found
}

// version is that of the service.
func (c *client) version(ctx context.Context) (string, error) {
	var about struct {
		Version string `json:"version"`
	}
	_, err := c.rest.Ask(ctx, rest.Call{Doing: "asking its version", Method: http.MethodGet}, nil, &about)
	return about.Version, err
}

// ask makes a request, and reads the result into another value; nil: it is not looked at.
func (c *client) ask(ctx context.Context, q call, body, result any) error {
	to := rest.Call{Doing: q.doing, Method: q.method, Path: q.path}
	if q.wait {
		to.Query = url.Values{"wait": {"true"}}
	}
	if result == nil {
		_, err := c.rest.Ask(ctx, to, body, nil)
		return err
	}
	answer := struct {
		Result any `json:"result"`
	}{result}
	_, err := c.rest.Ask(ctx, to, body, &answer)
	return err
}
