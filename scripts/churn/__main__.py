"""`python -m churn` is the command `churn`."""

from churn.cli import main

if __name__ == "__main__":
    main()
