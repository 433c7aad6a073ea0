package parts_test

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// howToWord is the argument that makes this binary the server that the how-to pages
// of policies speak of.
const howToWord = "serve-the-how-to"

type (
	aPath struct {
		Path string `json:"path"`
	}
	aFile struct {
		Path    string `json:"path"`
		Content string `json:"content"`
	}
	aRepo struct {
		Owner string `json:"owner"`
		Repo  string `json:"repo"`
	}
	anIssue struct {
		Owner  string `json:"owner"`
		Repo   string `json:"repo"`
		Number int    `json:"number"`
	}
)

// howToServer has the tools of the pages' files and github. It touches no file, so
// that paths are those of the pages.
func howToServer() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "how-to", Version: "1"}, nil)
	done[aPath](s, "read_text_file")
	done[aPath](s, "list_directory")
	done[aFile](s, "write_file")
	done[aPath](s, "delete_file")
	done[anIssue](s, "get_issue")
	done[aRepo](s, "list_issues")
	return s
}

// done adds a tool that takes its arguments and says that it is done.
func done[In any](s *mcp.Server, name string) {
	mcp.AddTool(s, &mcp.Tool{Name: name}, func(context.Context, *mcp.CallToolRequest, In) (*mcp.CallToolResult, any, error) {
		return says(name + " is done"), nil, nil
	})
}
