package chunk

import (
	"bytes"
	"mime"
	"net/http"
	"strings"
)

// form is how a document is read.
type form uint8

const (
	formUnknown form = iota
	formMarkdown
	formPage
	formGo
	formCode
	formText
	formPDF
)

// formOf says how to read a document: by the type that a server gave it, by the end of its
// name, or else by its first bytes (as http.DetectContentType has it, 512 of them).
func formOf(raw Raw) form {
	if raw.Type != "" {
		if f, ok := byType(raw.Type); ok {
			return f
		}
	}
	if bytes.HasPrefix(raw.Bytes, []byte("%PDF-")) {
		return formPDF
	}
	if f := byName(raw.Name); f != formUnknown {
		return f
	}
	sniffed, _ := byType(http.DetectContentType(raw.Bytes))
	return sniffed
}

// byType is false where the type says too little: text/plain is sent for anything.
func byType(said string) (form, bool) {
	kind, _, err := mime.ParseMediaType(said)
	if err != nil {
		return formUnknown, false
	}
	switch kind {
	case "text/html", "application/xhtml+xml":
		return formPage, true
	case "text/markdown", "text/x-markdown":
		return formMarkdown, true
	case "application/pdf":
		return formPDF, true
	case "text/plain", "application/octet-stream":
		return map[string]form{"text/plain": formText}[kind], false
	}
	switch {
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "json"), strings.HasSuffix(kind, "xml"), strings.HasSuffix(kind, "yaml"):
		return formText, false
	}
	return formUnknown, true // an image, an archive: what its name says is of no account
}

// byName knows the ends of names; formUnknown for others.
func byName(name string) form {
	switch extension(name) {
	case ".md", ".markdown", ".mdx", ".mdown":
		return formMarkdown
	case ".html", ".htm", ".xhtml":
		return formPage
	case ".pdf":
		return formPDF
	case ".go":
		return formGo
	case ".c", ".h", ".cc", ".cpp", ".cxx", ".hh", ".hpp", ".cs", ".java", ".kt", ".kts", ".scala", ".swift", ".m", ".mm", ".rs", ".zig", ".py", ".pyi", ".rb", ".php", ".pl", ".pm",
		".lua", ".r", ".jl", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".vue", ".svelte", ".dart", ".ex", ".exs", ".erl", ".hs", ".ml", ".mli", ".fs", ".clj", ".sh",
		".bash", ".zsh", ".fish", ".ps1", ".sql", ".proto", ".tf", ".hcl", ".s", ".css", ".scss":
		return formCode
	case ".txt", ".text", ".rst", ".adoc", ".asciidoc", ".org", ".tex", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".csv", ".tsv", ".xml", ".log", ".1", ".5", ".8":
		return formText
	}
	return formUnknown
}
