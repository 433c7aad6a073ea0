package listen

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// accept is what a client can take as an answer.
type accept struct {
	json, sse bool
	// stream says that the client names SSE before JSON: it asks for a stream
	// even where one answer is all that comes.
	stream bool
}

// bothTypes is what nearly every client sends, as MCP asks.
const bothTypes = "application/json, text/event-stream"

// accepted reads the Accept header. Absent means anything (RFC 9110, section
// 12.5.1). A more specific range wins over a wider one; q=0 refuses.
func accepted(h http.Header) accept {
	values := h["Accept"]
	if len(values) == 0 || len(values) == 1 && values[0] == bothTypes {
		return accept{json: true, sse: true}
	}
	var a accept
	var jsonRank, sseRank int
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") {
			media, wanted := mediaRange(part)
			rankJSON, rankSSE := 0, 0
			switch media {
			case "*/*":
				rankJSON, rankSSE = 1, 1
			case "application/*":
				rankJSON = 2
			case "text/*":
				rankSSE = 2
			case "application/json":
				rankJSON = 3
			case "text/event-stream":
				rankSSE = 3
			}
			if rankSSE > 0 && wanted && jsonRank == 0 {
				a.stream = rankSSE > rankJSON
			}
			if rankJSON > jsonRank {
				jsonRank, a.json = rankJSON, wanted
			}
			if rankSSE > sseRank {
				sseRank, a.sse = rankSSE, wanted
			}
		}
	}
	a.stream = a.stream && a.sse
	return a
}

func mediaRange(part string) (media string, wanted bool) {
	media, params, _ := strings.Cut(part, ";")
	wanted = true
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			wanted = err == nil && q > 0
		}
	}
	return strings.ToLower(strings.TrimSpace(media)), wanted
}

// jsonBody tells whether the request says, once, that its body is JSON in UTF-8.
// Asking for it keeps pages of other sites from posting without a preflight
// (CVE-2026-33252).
func jsonBody(h http.Header) bool {
	values := h["Content-Type"]
	if len(values) != 1 {
		return false
	}
	if values[0] == "application/json" {
		return true
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil || media != "application/json" {
		return false
	}
	for name, value := range params {
		if name != "charset" || !strings.EqualFold(value, "utf-8") {
			return false
		}
	}
	return true
}

// plainBody tells whether the body is not compressed: a small body that unpacks
// to a large one is never read (HTT-08).
func plainBody(h http.Header) bool {
	for _, value := range h["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(value), "identity") {
			return false
		}
	}
	return true
}
