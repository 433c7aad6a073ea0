package files

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// How many resources stand in one page of the list, and in all of it.
const (
	pageSize  = 200
	maxListed = 2000
)

// resources offers the files as resources too, under files://NAME/PATH.
func (s *server) resources() {
	s.mcp.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "file", Title: "A file of " + s.set.Name, Description: "A file by its path.", URITemplate: s.base() + "{+path}",
	}, s.resource)
	s.mcp.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if r, ok := req.(*mcp.ListResourcesRequest); ok && method == "resources/list" {
				return s.listResources(ctx, r)
			}
			return next(ctx, method, req)
		}
	})
}

func (s *server) base() string { return "files://" + s.set.Name + "/" }

func (s *server) uri(name string) string {
	return s.base() + (&url.URL{Path: name}).EscapedPath()
}

// named is the path of a resource; what is spelled in another way is none.
func (s *server) named(uri string) (string, error) {
	escaped, ok := strings.CutPrefix(uri, s.base())
	name, err := url.PathUnescape(escaped)
	if !ok || err != nil || s.uri(name) != uri {
		return "", mcp.ResourceNotFoundError(uri)
	}
	return name, nil
}

func (s *server) resource(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	uri := req.Params.URI
	name, err := s.named(uri)
	if err != nil {
		return nil, err
	}
	f, fi, err := s.open(name)
	if errors.Is(err, errPath) {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: err.Error()}
	}
	if err != nil {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	defer f.Close()
	leave, err := s.hold(ctx, fi.Size())
	if err != nil {
		return nil, err
	}
	defer leave()
	body, err := s.whole(f)
	if err != nil {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: err.Error()}
	}
	c := &mcp.ResourceContents{URI: uri, MIMEType: mediaType(name, body)}
	if len(body) > 0 && isText(body) {
		c.Text = string(body)
	} else {
		c.Blob = body // of an empty file, too: a text that is empty would not be written at all
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{c}}, nil
}

// listResources lists the files, a page at a time and maxListed at all; the template reads
// the others too. The cursor is how many there were, and the path to go on behind.
func (s *server) listResources(ctx context.Context, req *mcp.ListResourcesRequest) (mcp.Result, error) {
	count, after := 0, ""
	if req.Params != nil && req.Params.Cursor != "" {
		had, name, _ := strings.Cut(req.Params.Cursor, ":")
		n, err := strconv.Atoi(had)
		if after, count = name, n; err != nil || n < 0 {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "the cursor is none of this server's"}
		}
	}
	out, last := &mcp.ListResourcesResult{Resources: []*mcp.Resource{}}, ""
	w := walk{s: s, after: after, do: func(name string, fi fs.FileInfo, _ *os.Root) error {
		if !fi.Mode().IsRegular() {
			return nil
		}
		if len(out.Resources) == pageSize || count == maxListed {
			if count < maxListed {
				out.NextCursor = strconv.Itoa(count) + ":" + last
			}
			return errMore
		}
		count, last = count+1, name
		out.Resources = append(out.Resources, &mcp.Resource{URI: s.uri(name), Name: name, MIMEType: mediaType(name, nil)})
		return nil
	}}
	if err := w.from(ctx, "", maxDepth); err != nil && !errors.Is(err, errMore) && !errors.Is(err, errMany) {
		return nil, err // what is behind too many is read by the template
	}
	return out, nil
}
