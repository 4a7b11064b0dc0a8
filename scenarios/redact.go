package scenarios

import (
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// masked stands where a credential was.
const masked = "***"

// credentials are parts of the names of headers that tell who somebody is.
var credentials = []string{"auth", "cookie", "token", "secret", "password", "key", "session"}

// redacted is a scenario as journals and reports keep it: without the credentials
// that its loads send. One that has none stays as it was written; of another the
// layout is YAML's own.
func redacted(data []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	if !redact(&root) {
		return data, nil
	}
	out, err := yaml.Marshal(&root)
	if err != nil {
		return nil, fmt.Errorf("masking the credentials of a scenario: %w", err)
	}
	return out, nil
}

// redact masks what is below a node, and says whether there was anything.
func redact(n *yaml.Node) (found bool) {
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			found = redact(c) || found
		}
		return found
	}
	for k, v := range pairs(n) {
		switch {
		case k.Value == "headers" && v.Kind == yaml.MappingNode:
			found = redactHeaders(v) || found
		case (k.Value == "target" || k.Value == "url") && v.Kind == yaml.ScalarNode:
			found = redactURL(v) || found
		default:
			found = redact(v) || found
		}
	}
	return found
}

func redactHeaders(headers *yaml.Node) (found bool) {
	for name, value := range pairs(headers) {
		for _, part := range credentials {
			if strings.Contains(strings.ToLower(name.Value), part) {
				value.SetString(masked)
				found = true
				break
			}
		}
	}
	return found
}

func redactURL(target *yaml.Node) bool {
	u, err := url.Parse(target.Value)
	if err != nil || u.User == nil {
		return false
	}
	if _, has := u.User.Password(); !has {
		return false
	}
	target.SetString(u.Redacted())
	return true
}
