package upstream

import (
	"bytes"
	"io"
	"maps"
	"net/http"

	"doorward/internal/mcp"
)

// turnedAway tells whether a request was refused before anybody took it up, so that it may be
// sent again: 401 says that it was not applied (RFC 9110, section 15.5.2). A 401 that brings a
// stream, or the answer to a request by its id, comes from whoever took the request up, and may
// be another's 401 that was passed on after something was done; so may one that cannot be read.
func turnedAway(resp *http.Response) bool {
	if resp.StatusCode != http.StatusUnauthorized {
		return false
	}
	switch mediaType(resp.Header) {
	case typeStream:
		return false
	case typeJSON:
	default:
		return true
	}
	raw, err := readBounded(resp.Body, maxErrorBody, resp.ContentLength, nil)
	_ = resp.Body.Close()
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
	if err != nil {
		return false
	}
	m, err := mcp.ParseUpstream(bytes.Clone(raw))
	return err != nil && faultID(err) == nil || err == nil && (!m.Final() || bytes.Equal(m.Bytes(m.ID), []byte("null")))
}

// anew is a request that was refused with 401, with another version of the credential; nil
// when there is none. Nothing was done: turnedAway has seen to that.
func anew(req *http.Request, proof credential) *http.Request {
	other := proof.instead(req.Header)
	if other == nil || req.Body != nil && req.GetBody == nil {
		return nil
	}
	again := req.Clone(req.Context())
	maps.Copy(again.Header, other)
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil
		}
		again.Body = body
	}
	return again
}
