from llama_index.storage.chat_store.postgres.base import PostgresChatStore
from sqlalchemy import event


def make_store(uri, **settings):
    return PostgresChatStore.from_uri(uri, **settings)


def on_write(store, call):
    def before(_connection, _cursor, statement, *_rest):
        if statement.lstrip().startswith("UPDATE"):
            call()

    event.listen(store._session.kw["bind"], "before_cursor_execute", before)
