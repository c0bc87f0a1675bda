"""ESG in gunicorn's workers.

Run it with:  gunicorn -c examples/deploy/gunicorn_conf.py examples.hello:app
Try it with:  curl http://127.0.0.1:8080/
"""

bind = "127.0.0.1:8080"
workers = 2
worker_class = "esg.workers.ESGWorker"

keepalive = 65  # longer than the idle time of the balancer in front
graceful_timeout = 30
max_requests = 10_000
max_requests_jitter = 1_000
accesslog = "-"

# Options of ESG that gunicorn has no setting for, as variables.
raw_env = ["ESG_HEALTH=true", "ESG_BACKPRESSURE=true"]
