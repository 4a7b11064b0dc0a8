package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"
)

// serviceAccount is where kubelet mounts the pod's credentials.
const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// node is what routes need to know about one.
type node struct {
	name      string
	ranges    []netip.Prefix // of its pods
	addresses []netip.Addr   // InternalIPs
}

// api lists nodes with nothing but net/http: client-go would be fifty times as big.
type api struct {
	url    string
	client *http.Client
}

// endpoint prefers the control plane's own address, which kind hands in, over
// the Service, which works only once kube-proxy does.
func endpoint(getenv func(string) string) string {
	if e := getenv("CONTROL_PLANE_ENDPOINT"); e != "" {
		return e
	}
	return net.JoinHostPort(getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT"))
}

func newAPI(endpoint string) *api {
	roots := x509.NewCertPool()
	if pem, err := os.ReadFile(serviceAccount + "/ca.crt"); err == nil {
		roots.AppendCertsFromPEM(pem)
	} // without it every request fails and says why
	return &api{
		// From the API server's memory (resourceVersion 0): etcd is not asked.
		url: "https://" + endpoint + "/api/v1/nodes?resourceVersion=0",
		client: &http.Client{
			Timeout:   10 * time.Second, // a frozen control plane answers nothing
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		},
	}
}

// nodes asks for all nodes. The token is read each time, since kubelet renews it.
func (a *api) nodes(ctx context.Context) ([]node, error) {
	token, err := os.ReadFile(serviceAccount + "/token")
	if err != nil {
		return nil, fmt.Errorf("reading the service account's token: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return nil, fmt.Errorf("asking for nodes: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+string(token))
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for nodes: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		io.Copy(io.Discard, resp.Body) // so that the connection can be used again
		return nil, fmt.Errorf("asking for nodes: %s", resp.Status)
	}
	return decodeNodes(resp.Body)
}

// nodeList is the part of a NodeList that is read here.
type nodeList struct {
	Items []struct {
		Metadata struct{ Name string }
		Spec     struct{ PodCIDRs []string }
		Status   struct {
			Addresses []struct{ Type, Address string }
		}
	}
}

func decodeNodes(r io.Reader) ([]node, error) {
	var list nodeList
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("reading the list of nodes: %w", err)
	}
	var nodes []node
	for _, item := range list.Items {
		n := node{name: item.Metadata.Name}
		for _, c := range item.Spec.PodCIDRs {
			if p, err := netip.ParsePrefix(c); err == nil {
				n.ranges = append(n.ranges, p.Masked())
			}
		}
		for _, a := range item.Status.Addresses {
			if ip, err := netip.ParseAddr(a.Address); err == nil && a.Type == "InternalIP" {
				n.addresses = append(n.addresses, ip)
			}
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}
