"""One file a step. A step that was released is never changed; ``test_migrations`` holds the last one to ``tables``."""
