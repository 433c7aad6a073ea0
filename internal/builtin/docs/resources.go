package docs

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"doorward/internal/docs"
)

// maxListed is how many documents stand in the list of resources: the tool list has the
// others, and the template reads them.
const maxListed = 2000

// resources offers the documents as resources too.
func (s *server) resources() {
	s.template()
	s.mcp.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if r, ok := req.(*mcp.ListResourcesRequest); ok && method == "resources/list" {
				return s.listResources(ctx, r)
			}
			return next(ctx, method, req)
		}
	})
}

func (s *server) template() {
	s.mcp.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "document", Title: "A document of " + s.set.Name, URITemplate: s.base() + "{+path}",
		Description: "A document by its uri. Of a large one a range, with ?start= and &length= in bytes.",
	}, s.resource)
}

// listResources lists documents that are open to whoever may use the server: one list is
// made for all of them. What a role opens is found by search and list, and read by its URI.
func (s *server) listResources(ctx context.Context, req *mcp.ListResourcesRequest) (mcp.Result, error) {
	count, after := 0, ""
	if req.Params != nil && req.Params.Cursor != "" {
		had, uri, _ := strings.Cut(req.Params.Cursor, ":")
		n, err := strconv.Atoi(had)
		if count, after = n, uri; err != nil || n < 0 {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the cursor is none of this server's"}
		}
	}
	out := &mcp.ListResourcesResult{Resources: []*mcp.Resource{}}
	if count >= maxListed {
		return out, nil
	}
	leave, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	page, err := s.set.Library.List(ctx, docs.Listing{After: after, Limit: min(maxPage, maxListed-count)})
	if err = s.told(ctx, err); errors.Is(err, docs.ErrEmpty) {
		return out, nil // there is nothing to list
	}
	if err != nil {
		return nil, err
	}
	for i := range page {
		d := &page[i]
		name := d.Title
		if name == "" {
			name = strings.TrimPrefix(d.URI, s.base())
		}
		out.Resources = append(out.Resources, &mcp.Resource{URI: d.URI, Name: name, MIMEType: d.Type, Size: int64(d.Size)})
	}
	if n := len(page); n == min(maxPage, maxListed-count) && count+n < maxListed {
		out.NextCursor = strconv.Itoa(count+n) + ":" + page[n-1].URI
	}
	return out, nil
}

// resource reads a document, whole or the range that its URI asks for.
func (s *server) resource(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	uri, asked, ranged := strings.Cut(req.Params.URI, "?")
	start, length, err := span(asked)
	if err != nil {
		return nil, err
	}
	leave, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	d, passages, err := s.document(ctx, s.caller(req.Extra), uri)
	switch err = s.told(ctx, err); {
	case errors.Is(err, errNone):
		return nil, mcp.ResourceNotFoundError(req.Params.URI)
	case err != nil:
		return nil, err
	}
	if !ranged && d.Size > maxBytes {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the document has " + strconv.Itoa(d.Size) + " bytes: read a range of it, as in " + uri + "?start=0&length=" + strconv.Itoa(maxBytes)}
	}
	_, text := cut(passages, start, length)
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: req.Params.URI, MIMEType: d.Type, Text: text}}}, nil
}

// span is the range that the query of a URI asks for: all that may be read unless it says.
func span(query string) (start, length int, err error) {
	wrong := &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "a range is ?start=BYTE&length=BYTES, with a length of 1 to " + strconv.Itoa(maxBytes)}
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, wrong
	}
	length = maxBytes
	for key, all := range values {
		n, err := strconv.Atoi(all[0])
		if err != nil || n < 0 || len(all) != 1 {
			return 0, 0, wrong
		}
		switch key {
		case "start":
			start = n
		case "length":
			length = n
		default:
			return 0, 0, wrong
		}
	}
	if length < 1 || length > maxBytes {
		return 0, 0, wrong
	}
	return start, length, nil
}
