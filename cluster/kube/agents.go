package kube

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seatrial/seatrial"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/rest"
)

// agentsPort is where an agent listens.
const agentsPort = 8080

// StartAgents runs n load agents in an Indexed Job on the agents' own node, and
// returns the way to each once all are ready and answer through the API
// server's pod proxy. Agents of an earlier run are removed first. run becomes
// part of the Job's name. An agent that dies is not restarted, and takes no
// other with it.
func (c *Cluster) StartAgents(ctx context.Context, run string, n int) ([]seatrial.Endpoint, error) {
	image, err := c.ImportAgentImage(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.agentsNamespace(ctx); err != nil {
		return nil, err
	}
	if err := c.agentsGone(ctx); err != nil {
		return nil, err
	}
	token := rand.Text()
	job, err := c.client.BatchV1().Jobs(AgentsNamespace).Create(ctx, agentsJob(run, n, image.Name, token), metav1.CreateOptions{})
	if err != nil {
		return nil, seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("starting the agents: %w", err),
			"check that you may create Jobs in namespace "+AgentsNamespace)
	}
	pods, err := c.agentsReady(ctx, job, n)
	if err != nil {
		return nil, err
	}
	return c.endpoints(ctx, pods, token)
}

// ImportAgentImage brings the image of the agent and the sample application to
// the nodes, where that is ours to do. It is cheap when they have it.
func (c *Cluster) ImportAgentImage(ctx context.Context) (seatrial.AgentImage, error) {
	image, err := c.o.Agents.Image(ctx)
	if err != nil {
		return image, fmt.Errorf("making the agent's image: %w", err)
	}
	return image, c.importImage(ctx, image)
}

// ImportImage does the same with another image of [Options].Images.
func (c *Cluster) ImportImage(ctx context.Context, name string) (seatrial.AgentImage, error) {
	from := c.o.Images[name]
	if from == nil {
		return seatrial.AgentImage{}, seatrial.Fail(seatrial.BadInput, fmt.Errorf("there is no image of the %s here", name), "run it with --on kind")
	}
	image, err := from(ctx)
	if err != nil {
		return image, err
	}
	return image, c.importImage(ctx, image)
}

func (c *Cluster) importImage(ctx context.Context, image seatrial.AgentImage) error {
	if c.o.ImportImage == nil {
		return nil
	}
	if err := c.o.ImportImage(ctx, image); err != nil {
		return fmt.Errorf("bringing image %s to the nodes: %w", image.Name, err)
	}
	return nil
}

func (c *Cluster) agentsNamespace(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: AgentsNamespace, Labels: managed}}
	_, err := c.client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("creating namespace %s for the agents: %w", AgentsNamespace, err),
			"check that you may create namespaces")
	}
	return nil
}

// managed is on what seatrial creates for itself.
var managed = map[string]string{"app.kubernetes.io/managed-by": "seatrial", "app.kubernetes.io/name": "seatrial-agent"}

// agentsGone removes the agents of earlier runs and waits for their end.
func (c *Cluster) agentsGone(ctx context.Context) error {
	return c.untilGone(ctx, "the agents of an earlier run", c.removeAgents)
}

// removeAgents asks for the deletion of all that runs in the agents' namespace,
// and says what is still there.
func (c *Cluster) removeAgents(ctx context.Context) ([]string, error) {
	jobs, err := c.client.BatchV1().Jobs(AgentsNamespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing the agents' jobs: %w", err)
	}
	var left []string
	for _, j := range jobs.Items {
		left = append(left, "job "+j.Namespace+"/"+j.Name)
		if j.DeletionTimestamp != nil {
			continue
		}
		err := c.client.BatchV1().Jobs(j.Namespace).Delete(ctx, j.Name, metav1.DeleteOptions{
			PropagationPolicy: new(metav1.DeletePropagationForeground)})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("deleting job %s/%s: %w", j.Namespace, j.Name, err)
		}
	}
	pods, err := c.podsIn(ctx, AgentsNamespace)
	if err != nil {
		return nil, err
	}
	for _, p := range pods {
		left = append(left, "pod "+p.Namespace+"/"+p.Name)
		if p.DeletionTimestamp != nil || metav1.GetControllerOf(p) != nil {
			continue
		}
		if err := c.deletePod(ctx, p, new(resetGrace)); err != nil {
			return nil, err
		}
	}
	return left, c.hurry(ctx, pods)
}

// agentsJob describes the agents. A budget per index and none for the whole
// Job: with backoffLimit 0, Kubernetes would end all agents with the first one
// that is lost.
//
// The token is in the environment, not in a Secret: it is worth something to
// those alone who reach the agents' port while the run lasts, and to be allowed
// to write Secrets is more than it protects.
func agentsJob(run string, n int, image, token string) *batchv1.Job {
	size := int32(n)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: AgentsNamespace, Name: "agents-" + dnsLabel(run), Labels: managed},
		Spec: batchv1.JobSpec{
			CompletionMode: new(batchv1.IndexedCompletion), Completions: &size, Parallelism: &size,
			BackoffLimitPerIndex: new(int32(0)),
			Template:             corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: managed}, Spec: agentsPod(image, token)},
		},
	}
}

func agentsPod(image, token string) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:                 corev1.RestartPolicyNever,
		NodeSelector:                  map[string]string{AgentsKey: "true"},
		Tolerations:                   []corev1.Toleration{{Key: AgentsKey, Operator: corev1.TolerationOpExists}},
		AutomountServiceAccountToken:  new(false),
		EnableServiceLinks:            new(false),
		TerminationGracePeriodSeconds: new(resetGrace),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true), RunAsUser: new(int64(65532)), RunAsGroup: new(int64(65532)),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: "agent", Image: image, ImagePullPolicy: corev1.PullIfNotPresent,
			Command: []string{"/seatrial-agent", "load", "--listen", fmt.Sprintf(":%d", agentsPort)},
			Env:     []corev1.EnvVar{{Name: seatrial.AgentTokenEnv, Value: token}},
			Ports:   []corev1.ContainerPort{{Name: "http", ContainerPort: agentsPort}},
			ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
				HTTPGet: &corev1.HTTPGetAction{Path: "/healthz", Port: intstr.FromInt32(agentsPort)}}},
			// Requests alone: a CPU limit would throttle the generator and show
			// as latency of the system under test.
			Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("64Mi")}},
			SecurityContext: &corev1.SecurityContext{
				ReadOnlyRootFilesystem: new(true), AllowPrivilegeEscalation: new(false),
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}

// dnsLabel makes run fit into the name of a Job, whose pods' names are at most
// 63 characters long with their index and suffix.
func dnsLabel(run string) string {
	fit := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	run = strings.Map(fit, strings.ToLower(run))
	return strings.Trim(run[:min(len(run), 40)], "-")
}

// agentsReady waits for n ready pods, and ends at once when one has failed.
func (c *Cluster) agentsReady(ctx context.Context, job *batchv1.Job, n int) ([]*corev1.Pod, error) {
	var ready []*corev1.Pod
	var waiting, failed []string
	look := func() bool {
		ready, waiting, failed = nil, nil, nil
		for _, p := range c.cache.pods() {
			owner := metav1.GetControllerOf(p)
			switch {
			case owner == nil || owner.UID != job.UID:
			case p.Status.Phase == corev1.PodFailed:
				failed = append(failed, "pod "+p.Name+": "+podTrouble(p))
			case podReady(p):
				ready = append(ready, p)
			default:
				waiting = append(waiting, "pod "+p.Name+": "+podTrouble(p))
			}
		}
		return len(ready) == n || len(failed) > 0
	}
	err := c.clock.Until(ctx, look)
	if err == nil && len(failed) == 0 {
		slices.SortFunc(ready, byName)
		return ready, nil
	}
	said := strings.Join(firstFew(slices.Concat(failed, waiting)), "; ")
	if err == nil {
		err = fmt.Errorf("waiting for the agents: %s", said)
	} else {
		err = fmt.Errorf("waiting for the agents: %w: %d of %d ready; %s", err, len(ready), n, said)
	}
	return nil, seatrial.Fail(seatrial.Infrastructure, err,
		"check that a node has the label "+AgentsKey+"=true and can run the image")
}

// endpoints gives the way to each pod through the API server, and proves it.
func (c *Cluster) endpoints(ctx context.Context, pods []*corev1.Pod, token string) ([]seatrial.Endpoint, error) {
	config := rest.CopyConfig(c.o.Config)
	config.Timeout = 0 // results stream for as long as the trial takes
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return withToken{next, token} })
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for the agents: %w", err)
	}
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("finding the API server's address: %w", err)
	}
	var found []seatrial.Endpoint
	for _, p := range pods {
		url := host.JoinPath("api/v1/namespaces", p.Namespace, "pods", fmt.Sprintf("%s:%d", p.Name, agentsPort), "proxy")
		e := seatrial.Endpoint{Name: p.Name, URL: url.String(), Client: client}
		if err := c.reach(ctx, e); err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// withToken adds the agents' token to requests.
type withToken struct {
	next  http.RoundTripper
	token string
}

func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper may not change what it is given
	r.Header.Set(seatrial.AgentTokenHeader, t.token)
	return t.next.RoundTrip(r)
}

// reach returns once the agent answers. A pod that just became ready may be
// refused by the proxy for a moment.
func (c *Cluster) reach(ctx context.Context, e seatrial.Endpoint) error {
	const pause, limit = 100 * time.Millisecond, 15 * time.Second
	limited, cancel := c.clock.WithTimeout(ctx, limit)
	defer cancel()
	var last error
	for {
		err := healthy(limited, e)
		if err == nil {
			return nil
		}
		if last == nil || limited.Err() == nil {
			last = err // the end of our own patience says nothing new
		}
		if c.clock.Sleep(limited, pause) != nil {
			return seatrial.Fail(seatrial.Infrastructure, fmt.Errorf("reaching agent %s through the API server: %w", e.Name, last),
				"check that you may use pods/proxy in namespace "+AgentsNamespace)
		}
	}
}

func healthy(ctx context.Context, e seatrial.Endpoint) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.URL+"/healthz", nil)
	if err != nil {
		return err
	}
	response, err := e.Client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(response.Body, 512))
		return errors.Join(fmt.Errorf("%s: %s", response.Status, short(string(body))), err)
	}
	return nil
}
